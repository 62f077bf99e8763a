"""Windows of reports as callers write them, and what they are told when they write them wrong."""

import pytest

from services.monitor.api.windows import ask_of
from services.monitor.domain.errors import InvalidWindowError
from services.monitor.domain.reports import Ask, Span

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""
DAY = 86_400.0


@pytest.mark.parametrize(
    ("query", "ask"),
    [
        ({}, Ask()),
        ({"version": "3"}, Ask(version=3)),
        (
            {"from": "2027-01-15T07:00:00Z", "to": "2027-01-15T07:30:00Z"},
            Ask(Span(NOW - 3_600, NOW - 1_800)),
        ),
        ({"from": "2027-01-15T08:00:00+01:00"}, Ask(Span(NOW - 3_600, NOW))),
        ({"from": "2027-01-15T08:00:00 01:00"}, Ask(Span(NOW - 3_600, NOW))),
        ({"to": "2027-01-15T07:00:00Z"}, Ask(Span(NOW - 3_600 - 600, NOW - 3_600))),
        ({"day": "2027-01-14"}, Ask(Span(NOW - 8 * 3_600 - DAY, NOW - 8 * 3_600))),
        ({"day": "2027-01-15"}, Ask(Span(NOW - 8 * 3_600, NOW + 16 * 3_600))),
    ],
)
def test_windows(query: dict[str, str], ask: Ask) -> None:
    assert ask_of(query, NOW, 600.0) == ask


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"form": "x"}, "`form` is not known; there are from, to, day, version."),
        ({"from": "yesterday"}, "`from` is no time; write it like 2026-01-31T09:30:00Z."),
        ({"to": "2026-01-31T09:30:00"}, "`to` has no time zone; write it like"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "`from` is a time from 2000-01-01 on."),
        ({"to": "9999-12-31T23:59:59-14:00"}, "`to` is a time from 2000-01-01 on."),
        (
            {"from": "2027-01-15T07:30:00Z", "to": "2027-01-15T07:00:00Z"},
            "`from` (2027-01-15T07:30:00Z) is not before `to` (2027-01-15T07:00:00Z).",
        ),
        ({"from": "2028-01-15T07:30:00Z"}, "is not before now (2027-01-15T08:00:00Z)."),
        ({"day": "2027-01-14", "from": "2027-01-14T00:00:00Z"}, "`day` stands alone"),
        ({"day": "14.1."}, "`day` is no date; write it like 2026-01-31."),
        ({"day": "2027-01-16"}, "`day` is a day between 2000-01-01 and today (UTC)."),
        ({"version": "0"}, "`version` is a version's number, like 3."),
        ({"version": "two"}, "`version` is a version's number, like 3."),
        ({"version": "9" * 40}, "`version` is a version's number, like 3."),
    ],
)
def test_what_is_no_window_is_refused_by_name(query: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidWindowError) as refused:
        ask_of(query, NOW, 600.0)
    assert told in refused.value.detail
