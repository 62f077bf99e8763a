"""Tags: the SQL store and the fake do the same."""

import pytest

from services.registry.domain.audit import Action
from services.registry.domain.catalogue import Model
from services.registry.ports import Store
from tests.fakes.registry import NOON, draft

from .test_registry_stores import entry, filled, store

__all__ = ["filled", "store"]

SET, DELETED = entry(Action.SET_TAG), entry(Action.DELETE_TAG)


def test_tags_are_of_a_model_or_of_a_version(filled: Store) -> None:
    filled.tags.put("credit", 0, {"b": "2", "a": "1"}, SET)
    filled.tags.put("credit", 2, {"c": "3"}, SET)
    filled.tags.put("basket", 0, {"d": "4"}, SET)
    assert list(filled.tags.of("credit", 0).items()) == [("a", "1"), ("b", "2")]
    assert filled.tags.of("credit", 1) == {}
    assert filled.tags.of_model("credit") == {0: {"a": "1", "b": "2"}, 2: {"c": "3"}}
    assert filled.tags.of_model("absent") == {}


def test_a_tag_is_set_anew_and_others_stay(filled: Store) -> None:
    filled.tags.put("credit", 1, {"a": "1", "b": "2"}, SET)
    filled.tags.put("credit", 1, {"a": "é\n🙂", "c": ""}, SET)
    assert filled.tags.of("credit", 1) == {"a": "é\n🙂", "b": "2", "c": ""}


def test_a_tag_is_deleted(filled: Store) -> None:
    filled.tags.put("credit", 1, {"a": "1", "b": "2"}, SET)
    filled.tags.remove("credit", 1, "a", DELETED)
    filled.tags.remove("credit", 1, "absent", DELETED)
    assert filled.tags.of("credit", 1) == {"b": "2"}


def test_each_write_is_a_change_in_the_trail(filled: Store) -> None:
    before = filled.state.sequence()
    filled.tags.put("credit", 1, {"a": "1", "b": "2"}, SET)
    filled.tags.remove("credit", 1, "a", DELETED)
    assert filled.state.sequence() == before + 2


@pytest.mark.parametrize("tags", [{}, {"a": "1", "b": "2"}])
def test_what_is_made_with_tags_has_them(filled: Store, tags: dict[str, str]) -> None:
    before = filled.state.sequence()
    filled.catalogue.add_model(Model("made", "shop", "", NOON), entry(), tags)
    version = filled.catalogue.add_version(draft("made"), entry(), tags)
    assert filled.tags.of("made", 0) == tags
    assert filled.tags.of("made", version.number) == tags
    assert filled.state.sequence() == before + 2
