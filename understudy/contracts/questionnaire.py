"""What each question of the questionnaire asks, in words: the same on pages and in terminals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from understudy.contracts.vocabulary import Question


@dataclass(frozen=True, slots=True)
class Asks:
    """One question."""

    title: str
    hint: str
    """What an answer should say."""


QUESTIONS: Final[Mapping[Question, Asks]] = {
    Question.OBJECTIVE: Asks(
        "Objective",
        "Which decision does the model help with, whose is it, and how is success measured?",
    ),
    Question.LABEL_MEANING: Asks(
        "What the label means",
        "What exactly is predicted, when is it known, and who determines it?",
    ),
    Question.CONSTRAINTS: Asks(
        "Constraints", "Which laws, policies, latencies or budgets must it keep to?"
    ),
    Question.INTENDED_USE: Asks(
        "Intended use", "By whom, for which rows, and in which process are its answers used?"
    ),
    Question.OUT_OF_SCOPE: Asks("Out of scope", "What must it not be used for?"),
    Question.FAIRNESS: Asks(
        "Fairness",
        "Which definition of fairness was chosen, and why this one rather than another?",
    ),
    Question.MONITORING: Asks(
        "Monitoring", "What is watched once it answers, and who acts on what?"
    ),
    Question.RETRAINING: Asks("Retraining", "When is it trained anew, and on which data?"),
}
"""In the order in which they are asked."""
