"""What a gate's policy demands, in sentences."""

from collections.abc import Iterator

from services.registry.pages.charts.numbers import figure
from services.registry.pages.review_words import SEVERITIES, metric
from understudy.contracts.gate import GatePolicy, MetricDemand
from understudy.contracts.questionnaire import QUESTIONS


def demands(policy: GatePolicy) -> Iterator[str]:
    """One sentence for each demand."""
    if policy.review:
        yield "A review is there, nothing in it blocks, and who decides has opened it."
    if policy.review_days is not None:
        yield f"The review is at most {policy.review_days} days old."
    if policy.training_days is not None:
        yield f"The version was trained at most {policy.training_days} days ago."
    if policy.second_person:
        yield "Who decides is another person than who registered the version."
    if policy.signed:
        yield "The artifact is signed by a key that the installation knows."
    for name, demand in policy.metrics.items():
        yield f"{metric(name)}: {'; '.join(_bounds(demand))}."
    if policy.questions:
        titles = ", ".join(QUESTIONS[question].title for question in policy.questions)
        yield f"These questions are answered: {titles}."
    for code, severity in policy.findings.items():
        yield f"“{code.value}” counts as: {SEVERITIES[severity].lower()}."
    if policy.override.roles:
        roles = ", ".join(role.value for role in policy.override.roles)
        yield f"Who has the role {roles} may decide against it, with a reason."
    else:
        yield "Nobody may decide against it."


def _bounds(demand: MetricDemand) -> Iterator[str]:
    if demand.at_least is not None:
        yield f"at least {figure(demand.at_least)}"
    if demand.at_most is not None:
        yield f"at most {figure(demand.at_most)}"
    if demand.better_than_dummy_by is not None:
        yield f"better than the dummy by {figure(demand.better_than_dummy_by)}"
    if demand.worse_than_main_by_at_most is not None:
        yield f"worse than main by at most {figure(demand.worse_than_main_by_at_most)}"
    if demand.certain:
        yield "held against the worse end of the interval"
