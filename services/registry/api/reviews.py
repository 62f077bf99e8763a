"""Reviews of versions, and their questionnaires."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.registry.api.edge import PathName, PathNumber, Preparer, Reader, Verbs
from services.registry.api.jobs import accepted
from services.registry.domain.reviews import Answers, Opening
from services.registry.operations.reviews import Standing
from understudy.contracts.registry import (
    MAX_NUMBER,
    JobView,
    QuestionnaireRequest,
    QuestionnaireView,
    ReviewStanding,
)
from understudy.contracts.reviews import Review
from understudy.contracts.vocabulary import Severity

router = APIRouter(prefix="/v1/models/{model}/versions/{version}")


@router.post("/review", status_code=202, response_model=JobView)
def make_review(caller: Preparer, verbs: Verbs, model: PathName, version: PathNumber) -> Response:
    """Have the version reviewed anew; the review that is there stays until then."""
    return accepted(verbs.reviews.begin(caller, model, version))


@router.get("/review")
def read_review(
    *,
    caller: Reader,
    verbs: Verbs,
    model: PathName,
    version: PathNumber,
    review: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
    response: Response,
) -> Review:
    """The newest review, or that of a number, whole. Who reads it has opened it, which is kept."""
    found = verbs.reviews.read(caller, model, version, review)
    response.headers["ETag"] = f'"{found.file}"'
    return found.review


@router.get("/review/status")
def review_status(
    caller: Reader, verbs: Verbs, model: PathName, version: PathNumber
) -> ReviewStanding:
    """Whether there is one, how far it is, what it found in short, who has opened it."""
    standing = verbs.reviews.standing(caller, model, version)
    return _standing(standing, verbs.reviews.openings(caller, model, version))


@router.get("/questionnaire")
def read_answers(
    caller: Reader, verbs: Verbs, model: PathName, version: PathNumber
) -> QuestionnaireView:
    """What was answered."""
    return _answered(verbs.reviews.answers(caller, model, version))


@router.put("/questionnaire")
def answer(
    caller: Preparer,
    verbs: Verbs,
    model: PathName,
    version: PathNumber,
    body: QuestionnaireRequest,
) -> QuestionnaireView:
    """Answer some questions."""
    return _answered(verbs.reviews.answer(caller, model, version, body.answers))


def _standing(standing: Standing, openings: tuple[Opening, ...]) -> ReviewStanding:
    made = standing.made and standing.made.made
    number = standing.made and standing.made.number
    counted = Counter(found.severity for found in made.findings) if made else Counter()
    job = standing.job
    return ReviewStanding(
        state=standing.state,
        review=number,
        file=made and made.file,
        made_at=made and made.at,
        main=made and made.main,
        blocks=counted[Severity.BLOCK],
        warnings=counted[Severity.WARN],
        looks=counted[Severity.LOOK],
        job=standing.latest and standing.latest.job,
        step="" if job is None else job.step,
        progress=0.0 if job is None else job.progress,
        failure=standing.failure,
        opened_by=tuple(one.actor for one in openings if one.number == number),
    )


def _answered(answers: Answers | None) -> QuestionnaireView:
    if answers is None:
        return QuestionnaireView(answers={})
    return QuestionnaireView(
        answers=dict(answers.answers), answered_at=answers.at, answered_by=answers.by
    )
