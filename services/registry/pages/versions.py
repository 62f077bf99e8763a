"""`/models/{model}/versions/{number}`: a version's review, its questionnaire, its decision."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.artifact_refusals import ArtifactDamagedError
from services.registry.domain.catalogue import Model
from services.registry.domain.gate import judged
from services.registry.domain.reviews import Answers, NoReviewError
from services.registry.domain.versions import Version
from services.registry.operations import Operations
from services.registry.operations.reach import not_found
from services.registry.pages import charts
from services.registry.pages import review_words as say
from services.registry.pages.charts import numbers
from services.registry.pages.people import InvalidFormError
from services.registry.pages.questions import answered, asked
from services.registry.pages.review import Report, classes_of, tally
from services.registry.pages.review_demands import demands
from services.registry.pages.visits import Form, Visit, form_of, see, shown, visit_of
from understudy.contracts.gate import DEFAULT, SHORTEST_REASON
from understudy.contracts.refusals import Refusal
from understudy.contracts.registry import MAX_NUMBER
from understudy.contracts.reviews import SampleFacts
from understudy.contracts.vocabulary import Decision, Question, ReviewState, Scope
from understudy.runtime.documents import Documents
from understudy.runtime.keys import Caller, ForbiddenError

_LONGEST_REASON: Final = 4_000
_PREPARING: Final = (Scope.REGISTER, Scope.REVIEW)
"""Of which one is enough to answer questions and to have reviews made."""
_DONE: Final = {
    "answered": "The answers are kept.",
    "decided": "The decision is kept. It is final.",
    "begun": "The review is put in line.",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody had typed when it was refused."""

    reason: str = ""
    override: bool = False
    answers: dict[Question, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Which version a page is about."""

    model: str
    number: int

    @property
    def path(self) -> str:
        """The page's."""
        return f"/models/{self.model}/versions/{self.number}"


class Versions:
    """One page for each version."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /models/{model}/versions/{number}`: who is shown its review has opened it."""
        done = _DONE.get(request.query_params.get("done", ""))
        return await run_in_threadpool(self._shown, request, done)

    async def change(self, request: Request) -> Response:
        """`POST` of the same: decide, answer, or have the review made again."""
        return await run_in_threadpool(self._change, request, await form_of(request))

    def _shown(self, request: Request, done: str | None) -> Response:
        visit = visit_of(request)
        try:
            return self._page(visit, place_of(request), done=done, chosen=_chosen(request))
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))

    def _change(self, request: Request, form: Form) -> Response:
        visit = visit_of(request)
        try:
            place = place_of(request)
            self._operations.catalogue.version(reader(visit), place.model, place.number)
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))
        try:
            match form.text("do"):
                case "decide":
                    self._decide(visit, place, form)
                    return see(f"{place.path}?done=decided#decision")
                case "answer":
                    writer = visit.caller.wanting(*_PREPARING)
                    require(writer, self._model(visit, place), "Questions are answered by who may")
                    answers = answered(form)
                    self._operations.reviews.answer(writer, place.model, place.number, answers)
                    return see(f"{place.path}?done=answered#questionnaire")
                case "review":
                    writer = visit.caller.wanting(*_PREPARING)
                    require(writer, self._model(visit, place), "Reviews are begun by who may")
                    self._operations.reviews.begin(writer, place.model, place.number)
                    return see(f"{place.path}?done=begun")
                case _:
                    raise InvalidFormError("The form says nothing to do.")
        except Refusal as refusal:
            return self._page(visit, place, refusal=refusal, typed=_typed(form))

    def _model(self, visit: Visit, place: Place) -> Model:
        return self._operations.catalogue.model(reader(visit), place.model)

    def _decide(self, visit: Visit, place: Place, form: Form) -> None:
        reviewer = visit.caller.wanting(Scope.REVIEW)
        require(reviewer, self._model(visit, place), "Versions are decided by who may end reviews:")
        chosen = form.text("decision")
        if chosen not in set(Decision):
            raise InvalidFormError("Choose to deploy, to deploy and persist, or to ignore.")
        reason = form.text("reason").replace("\r\n", "\n").strip()
        if len(reason) > _LONGEST_REASON or say.plain(reason) != reason:
            raise InvalidFormError(
                f"A reason has at most {_LONGEST_REASON:,} characters and no control characters."
            )
        self._operations.gate.decide(
            reviewer,
            place.model,
            place.number,
            Decision(chosen),
            reason,
            override=form.text("override") == "yes",
        )

    def _page(
        self,
        visit: Visit,
        place: Place,
        *,
        refusal: Refusal | None = None,
        done: str | None = None,
        typed: Typed | None = None,
        chosen: int | None = None,
    ) -> Response:
        """`chosen` is the number of a review; without it the newest, or what was decided on."""
        caller, typed, verbs = reader(visit), typed or Typed(), self._operations
        model = verbs.catalogue.model(caller, place.model)
        version = verbs.catalogue.version(caller, place.model, place.number)
        standing = verbs.reviews.standing(caller, place.model, place.number)
        grounds = verbs.reviews.grounds(caller, place.model, place.number)
        number = chosen or (grounds.review if grounds else None)
        if number is None and standing.made is not None:
            number = standing.made.number
        report, file, unreadable = self._report(caller, place, version, number)
        answers = verbs.reviews.answers(caller, place.model, place.number)
        gate = verbs.gates.show(caller, model.project)
        # What one would decide with; who may not decide is told what stands in anybody's way.
        assessment = None
        if version.ruling is None:
            assessment = verbs.gate.assessment(caller, place.model, place.number)
        demanded = gate.policy if grounds is None else grounds.demands or DEFAULT
        findings = judged(demanded, report.review.findings) if report else ()
        return shown(
            self._documents,
            "review.html",
            visit,
            refusal=refusal or unreadable,
            done=done,
            here=place.path,
            model=model,
            version=version,
            standing=standing,
            grounds=grounds,
            number=number,
            refreshing=standing.state is ReviewState.RUNNING and report is None,
            report=report,
            file=file,
            findings=findings,
            tally=tally(findings),
            period=period_of(report.review.data.samples) if report else None,
            openings=verbs.reviews.openings(caller, place.model, place.number),
            answers=answers,
            refused_answers=bool(typed.answers),
            questions=[*asked(_held(answers, typed), gate.policy.questions)],
            demands=[*demands(gate.policy)],
            assessment=assessment,
            typed=typed,
            shortest=SHORTEST_REASON,
            may_decide=visit.caller.wanting(Scope.REVIEW).able(None, model.project),
            may_answer=visit.caller.wanting(*_PREPARING).able(None, model.project),
            say=say,
            num=numbers,
            charts=charts,
        )

    def _report(
        self, caller: Caller, place: Place, version: Version, number: int | None
    ) -> tuple[Report | None, str | None, Refusal | None]:
        if number is None:
            return None, None, None
        try:
            found = self._operations.reviews.read(caller, place.model, place.number, number)
        except (NoReviewError, ArtifactDamagedError) as unreadable:
            return None, None, unreadable
        return Report(found.review, classes_of(version)), found.file, None


def place_of(request: Request) -> Place:
    """Raises NotFoundError."""
    model, number = request.path_params["model"], request.path_params["number"]
    if not (number.isascii() and number.isdigit() and 1 <= int(number[:12]) <= MAX_NUMBER):
        raise not_found("version", f"{model[:63]}/{number[:12]}")
    return Place(model, int(number))


def _chosen(request: Request) -> int | None:
    """Of which review; None for what is no number."""
    text = request.query_params.get("review", "")
    few = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))
    return int(text) if few and 1 <= int(text) <= MAX_NUMBER else None


def reader(visit: Visit) -> Caller:
    """Who reads."""
    return visit.caller.wanting(Scope.READ)


def hidden(refusal: Refusal) -> Refusal:
    """What is out of reach looks as if it were not there."""
    if isinstance(refusal, ForbiddenError):
        return not_found("version", "of that name")
    return refusal


def require(caller: Caller, model: Model, words: str) -> None:
    """Raises ForbiddenError."""
    if not caller.able(None, model.project):
        needed = " or ".join(sorted(scope.value for scope in caller.wants))
        raise ForbiddenError(f"{words} {needed} in {model.project}.")


def period_of(samples: tuple[SampleFacts, ...]) -> tuple[datetime, datetime] | None:
    """From the first to the last row of both samples."""
    starts = [one.since for one in samples if one.since is not None]
    ends = [one.until for one in samples if one.until is not None]
    return (min(starts), max(ends)) if starts and ends else None


def _typed(form: Form) -> Typed:
    answers = {question: form.text(f"answer-{question.value}") for question in Question}
    given = form.text("do") == "answer"
    return Typed(form.text("reason"), form.text("override") == "yes", answers if given else {})


def _held(answers: Answers | None, typed: Typed) -> dict[Question, str]:
    return {**(answers.answers if answers else {}), **typed.answers}
