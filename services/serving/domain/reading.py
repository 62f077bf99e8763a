"""Reads the rows of one request under a policy and remembers what its caller must be told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from services.serving.domain.coercions import coerced
from services.serving.domain.columns import ABSENT, MISFIT, Catch, Cell, Column, Outside
from services.serving.domain.drafts import INSTEAD, Cells, Draft, Hits, Notice
from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.wording import SHOWN_CHOICES, shown
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.vocabulary import (
    GuardAction,
    GuardRuleName,
    Label,
    TypePolicy,
    WarningCode,
)

MOST_ERRORS: Final = 100
MOST_NOTICES: Final = 2_000
"""Of one code, in one request; what is beyond is counted in one notice for each row."""
_FEWEST_NOTICES: Final = 5
"""Of one code, for each row, however many rows there are."""
_LONGEST_NAME: Final = 128
_LONGEST_MESSAGE: Final = 500

Path = tuple[str | int, ...]


class Reading:
    """The rows of one request, read one after the other."""

    def __init__(self, columns: Sequence[Column], policy: Policy, rows: int) -> None:
        guards = policy.guards
        self._columns = columns
        self._names = frozenset(column.name for column in columns)
        self._lenient = policy.types is TypePolicy.BEST_EFFORT
        self._rules = {
            GuardRuleName.OUT_OF_RANGE: guards.out_of_range,
            GuardRuleName.UNSEEN_CATEGORY: guards.unseen_category,
        }
        self._told = _Told(max(_FEWEST_NOTICES, MOST_NOTICES // max(1, rows)))
        self._cells: list[Cells] = []
        self._errors: list[FieldError] = []
        self._answers: dict[int, tuple[int, Label]] = {}
        self._caught: set[tuple[GuardRuleName, int]] = set()
        self._coercions = 0

    @property
    def failed(self) -> bool:
        """Whether so much is wrong that there is no use in reading on."""
        return len(self._errors) >= MOST_ERRORS

    def take(self, row: Mapping[str, object], path: Path) -> None:
        """Read the next row, which stands at `path` in the body that was sent."""
        cells: list[Cell] = []
        for column in self._columns:
            value = row.get(column.name, ABSENT)
            cell = column.legal(value)
            if isinstance(cell, Outside):
                cell = self._bend(column, value, path)
            cells.append(cell)
        if len(row) != len(self._names) or not row.keys() <= self._names:
            self._leave_out([name for name in row if name not in self._names], path)
        self._cells.append(tuple(cells))

    def draft(self) -> Draft:
        """What was read. Raises InvalidRowsError with up to `MOST_ERRORS`."""
        hits = self._hits()
        if self._errors:
            refused = {hit: rows for hit, rows in hits.items() if hit[1] is GuardAction.REFUSE}
            raise InvalidRowsError(
                _summary(self._errors), *self._errors[:MOST_ERRORS], hits=refused
            )
        return Draft(
            self._cells,
            self._told.notices(),
            {index: answer for index, (_, answer) in self._answers.items()},
            hits,
            self._coercions,
        )

    def _bend(self, column: Column, value: object, path: Path) -> Cell:
        """A cell for what is not legal where the policy has one; else None, and an error."""
        meant = coerced(column, value) if self._lenient else value
        catch = column.caught(meant)
        cell = column.legal(meant) if catch is None else self._guard(column, catch)
        if isinstance(cell, Outside):
            self._refuse(column.name, column.complaint(value), path)
            return None
        if meant is not value:
            self._coerce(column.name, f"{shown(value)} was read as {shown(meant)}")
        if catch is not None:
            self._warn(column, catch)
        return cell

    def _guard(self, column: Column, catch: Catch) -> Cell | Outside:
        index, rule = len(self._cells), self._rules[catch.rule]
        self._caught.add((catch.rule, index))
        if rule.action is GuardAction.REFUSE:
            return MISFIT
        if rule.answer is not None:
            found = self._answers.get(index)
            if found is None or column.position < found[0]:
                self._answers[index] = column.position, rule.answer
        return catch.cell

    def _warn(self, column: Column, catch: Catch) -> None:
        overridden = self._rules[catch.rule].action is GuardAction.OVERRIDE
        message = f"{catch.message}{INSTEAD}" if overridden else catch.message
        self._tell(Notice(WarningCode(catch.rule), column.name, message))

    def _leave_out(self, unknown: Sequence[str], path: Path) -> None:
        takes = ", ".join(sorted(self._names)[:SHOWN_CHOICES])
        for name in unknown:
            if self._lenient:
                self._coerce(name[:_LONGEST_NAME], "is no feature of this deployment: left out")
            else:
                what = f"is no feature of this deployment, which takes {takes}"
                self._refuse(name, what[:_LONGEST_MESSAGE], path)

    def _coerce(self, name: str, message: str) -> None:
        self._coercions += 1
        self._tell(Notice(WarningCode.COERCED, name, message))

    def _tell(self, notice: Notice) -> None:
        self._told.add(len(self._cells), notice)

    def _refuse(self, name: str, message: str, path: Path) -> None:
        pointer = json_pointer(*path, name)
        self._errors.append(FieldError(pointer, f"{name[:_LONGEST_NAME]}: {message}"))

    def _hits(self) -> Hits:
        return Counter((rule, self._rules[rule].action) for rule, _ in self._caught)


class _Told:
    """Notices by row, a bounded number of each code; the rest are counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[int, list[Notice]] = {}
        self._counts: Counter[tuple[int, WarningCode]] = Counter()

    def add(self, index: int, notice: Notice) -> None:
        self._counts[index, notice.code] += 1
        if self._counts[index, notice.code] <= self._most:
            self._kept.setdefault(index, []).append(notice)

    def notices(self) -> Mapping[int, Sequence[Notice]]:
        for (index, code), count in self._counts.items():
            if count > self._most:
                more = Notice(code, None, f"and {count - self._most} more values")
                self._kept[index].append(more)
        return self._kept


def _summary(errors: Sequence[FieldError]) -> str:
    more = f" (and {len(errors) - 1} more: see errors)" if len(errors) > 1 else ""
    return f"{errors[0].message}{more}"
