"""Reviews of versions: how far they are, what they found, and the questionnaire."""

from typing import Final

from understudy.client.connection import segment
from understudy.client.people import PeopleConnection
from understudy.contracts.registry import (
    JobView,
    QuestionnaireRequest,
    QuestionnaireView,
    ReviewStanding,
)
from understudy.contracts.reviews import Review
from understudy.contracts.vocabulary import Question

_JSON: Final = {"Content-Type": "application/json"}


class ReviewsConnection(PeopleConnection):
    """The part of the registry that reviews versions."""

    def review(self, model: str, number: int) -> Review:
        """The review, whole; who reads it has opened it."""
        return self.get(f"{_place(model, number)}/review", Review)

    def review_status(self, model: str, number: int) -> ReviewStanding:
        """Whether there is one, and how far it is."""
        return self.get(f"{_place(model, number)}/review/status", ReviewStanding)

    def make_review(self, model: str, number: int) -> JobView:
        """Have it made anew."""
        return self.read(self.ask("POST", f"{_place(model, number)}/review"), JobView)

    def questionnaire(self, model: str, number: int) -> QuestionnaireView:
        """What was answered."""
        return self.get(f"{_place(model, number)}/questionnaire", QuestionnaireView)

    def answer(self, model: str, number: int, answers: dict[Question, str]) -> QuestionnaireView:
        """Answer some questions; the others keep their answers."""
        body = QuestionnaireRequest(answers=answers)
        content = body.model_dump_json().encode()
        path = f"{_place(model, number)}/questionnaire"
        return self.read(self.ask("PUT", path, content=content, headers=_JSON), QuestionnaireView)


def _place(model: str, number: int) -> str:
    return f"/v1/models/{segment(model)}/versions/{number}"
