"""Pointers follow RFC 6901."""

from understudy.contracts.refusals import json_pointer


def test_steps_are_escaped() -> None:
    assert json_pointer("rows", 3, "a/b~c") == "/rows/3/a~1b~0c"


def test_no_step_points_at_the_whole_document() -> None:
    assert json_pointer() == ""
