"""Both samples of a task, within the child: what keeps either from being used."""

from dataclasses import dataclass, field

from services.registry.adapters.inspection.messages import Task
from services.registry.adapters.inspection.sample import look
from understudy.inference.rows import Rows


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Problems by the verdict's member, or else rows of the reference sample."""

    problems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: Rows | None = None


def look_at_samples(task: Task) -> LookedAt:
    """Read the reference sample, and the evaluation sample when there is one."""
    reference = look(task.reference, task.signature, task.time_column)
    problems = {"reference": reference.problems}
    times = _told("reference", reference.times)
    if task.evaluation is not None:
        evaluation = look(task.evaluation, task.signature, task.time_column)
        problems["evaluation"] = evaluation.problems
        times += _told("evaluation", evaluation.times)
    problems["time_column"] = times
    return LookedAt(problems, None if any(problems.values()) else reference.rows)


def _told(sample: str, problems: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{problem} (in the {sample} sample)" for problem in problems)
