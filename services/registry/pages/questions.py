"""A version's questionnaire, as it is asked."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.registry.pages.people import InvalidFormError
from services.registry.pages.review_words import plain
from services.registry.pages.visits import Form
from understudy.contracts.questionnaire import QUESTIONS
from understudy.contracts.vocabulary import Question

LONGEST: Final = 4_000
"""Characters of one answer, as the interface takes them too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its answer."""

    question: Question
    title: str
    hint: str
    answer: str
    demanded: bool
    """Whether the project's policy wants it answered."""

    @property
    def name(self) -> str:
        """The field's name."""
        return f"answer-{self.question.value}"


def asked(answers: Mapping[Question, str], demanded: Collection[Question]) -> Iterator[Asked]:
    """All questions in their order."""
    for question, asks in QUESTIONS.items():
        answer = plain(answers.get(question, ""))
        yield Asked(question, asks.title, asks.hint, answer, question in demanded)


def answered(form: Form) -> Mapping[Question, str]:
    """What was typed. Raises InvalidFormError."""
    found = {}
    for question in Question:
        text = form.text(f"answer-{question.value}").replace("\r\n", "\n")
        title = QUESTIONS[question].title
        if len(text) > LONGEST:
            raise InvalidFormError(
                f"{title}: an answer has at most {LONGEST:,} characters, this one {len(text):,}."
            )
        if plain(text) != text:
            raise InvalidFormError(f"{title}: leave out control characters.")
        found[question] = text
    return found
