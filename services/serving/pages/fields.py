"""A feature as a field of the form: which control it gets, and how what was typed is read.

Whether a value is legal is decided behind `predict`, by signature and policy. Here only text
becomes values; what can't be read is passed on as it is, so that it is refused, and explained here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.serving.pages.wording import grouped, readable, readable_apart, text_of
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, GuardAction

NAME_PREFIX: Final = "in."
"""Form names of features start with it, so that no feature can be taken for a control of ours."""

MOST_RADIO_CHOICES: Final = 4

_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_SHORT_WHOLE: Final = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+(\.\d*)?")
_GROUP_SPACES: Final = re.compile(r"[ \u00a0\u202f]")


class Control(StrEnum):
    """Which element asks for a value."""

    NUMBER = "number"
    RADIO = "radio"
    SELECT = "select"
    SUGGEST = "suggest"


@dataclass(frozen=True, slots=True)
class Option:
    """One of several values to pick."""

    value: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What was entered for one feature."""

    text: str
    value: object
    """What the model is asked about; the text itself when it could not be read."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """All that the template needs of one feature."""

    id: str
    feature: Feature
    control: Control
    options: tuple[Option, ...]
    hint: str
    example: str
    text: str
    error: str | None
    note: str | None
    """What the answer's warnings say of the value."""
    beyond: str | None
    """What comes of a number that is out of range, where it is not refused."""

    @property
    def name(self) -> str:
        """The name under which the browser sends the value."""
        return NAME_PREFIX + self.feature.name

    @property
    def title(self) -> str:
        """What the value is, in words."""
        return self.feature.label or readable(self.feature.name)

    @property
    def input_mode(self) -> str | None:
        """Which keyboard a phone shows. Those for digits lack a minus sign on some phones."""
        low = self.feature.minimum
        if self.control is not Control.NUMBER or low is None or low < 0:
            return None
        return "numeric" if self.feature.kind is FeatureKind.INTEGER else "decimal"

    @property
    def described_by(self) -> str:
        """Ids of the elements that explain the control."""
        parts = {"about": self.feature.description, "unit": self.feature.unit, "hint": self.hint}
        return " ".join(
            f"{self.id}-{part}" for part in (*filter(parts.get, parts), "note", "error")
        )


def fields_of(
    signature: Signature,
    policy: Policy,
    texts: Mapping[str, str] | None,
    errors: Mapping[str, str],
    notes: Mapping[str, str],
) -> tuple[Field, ...]:
    """The form's fields; with the example values as long as nothing was sent (`texts` is None).

    `errors` and `notes` are by feature.
    """
    beyond = _BEYOND[policy.guards.out_of_range.action]
    return tuple(
        _field(
            f"field-{position}",
            feature,
            texts,
            error=errors.get(feature.name),
            note=notes.get(feature.name),
            beyond=beyond,
        )
        for position, feature in enumerate(signature.features)
    )


def read_entries(signature: Signature, texts: Mapping[str, str]) -> dict[str, Entry]:
    """What was entered, by feature. A feature that was not sent counts as left empty."""
    return {
        feature.name: read_entry(feature, texts.get(feature.name, ""))
        for feature in signature.features
    }


def read_entry(feature: Feature, text: str) -> Entry:
    """The value behind a text, and what is wrong with the text itself."""
    if not text.strip() and text not in feature.choices:
        return Entry(text, None, None if feature.nullable else _ask_for(feature))
    if feature.kind is FeatureKind.CATEGORY:
        return Entry(text, text if text in feature.choices else text.strip())
    if feature.kind is FeatureKind.BOOLEAN:
        known = _BOOLEANS.get(text)
        return Entry(text, text if known is None else known, _PICK if known is None else None)
    return _read_number(feature, text)


_BEYOND: Final[Mapping[GuardAction, str | None]] = {
    GuardAction.REFUSE: None,
    GuardAction.FLAG: "Out of range: the answer will carry a warning.",
    GuardAction.OVERRIDE: "Out of range: a rule will answer instead of the model.",
}
_PICK: Final = "Pick one of the choices."


def _ask_for(feature: Feature) -> str:
    pick = feature.choices or feature.kind is FeatureKind.BOOLEAN
    return _PICK if pick and not feature.open_choices else "Fill this in."


def _read_number(feature: Feature, text: str) -> Entry:
    trimmed = text.strip()
    if _GROUPED.fullmatch(trimmed):
        trimmed = _GROUP_SPACES.sub("", trimmed)
    if not _NUMBER.fullmatch(trimmed):
        shape = "18 or 45000" if feature.kind is FeatureKind.INTEGER else "5.1 or 45000"
        point = ", with a point for decimals" if "," in trimmed else ""
        return Entry(text, trimmed, f"Write a number{point}, such as {shape}.")
    return Entry(text, int(trimmed) if _SHORT_WHOLE.fullmatch(trimmed) else float(trimmed))


def _field(
    element: str,
    feature: Feature,
    texts: Mapping[str, str] | None,
    *,
    error: str | None,
    note: str | None,
    beyond: str | None,
) -> Field:
    example = text_of(feature.example)
    return Field(
        id=element,
        feature=feature,
        control=_control(feature),
        options=_options(feature),
        hint=_hint(feature),
        example=example,
        text=example if texts is None else texts.get(feature.name, ""),
        error=error,
        note=note,
        beyond=beyond if _range(feature) else None,
    )


def _control(feature: Feature) -> Control:
    if feature.kind is FeatureKind.BOOLEAN:
        return Control.RADIO
    if feature.kind is not FeatureKind.CATEGORY:
        return Control.NUMBER
    if feature.open_choices:
        return Control.SUGGEST
    return Control.RADIO if len(feature.choices) <= MOST_RADIO_CHOICES else Control.SELECT


def _options(feature: Feature) -> tuple[Option, ...]:
    if feature.kind is FeatureKind.BOOLEAN:
        options = [Option("true", "Yes"), Option("false", "No")]
    else:
        texts = readable_apart(feature.choices)
        options = [Option(choice, texts[choice]) for choice in feature.choices]
    if feature.nullable and options and not feature.open_choices:
        options.append(Option("", "Not known"))
    return tuple(options)


def _hint(feature: Feature) -> str:
    if feature.kind is FeatureKind.CATEGORY:
        return "Other values are allowed." if feature.open_choices and feature.choices else ""
    whole = "whole number" if feature.kind is FeatureKind.INTEGER else ""
    hint = ", ".join(filter(None, (whole, _range(feature))))
    return hint[:1].upper() + hint[1:]


def _range(feature: Feature) -> str:
    low, high = feature.minimum, feature.maximum
    if feature.kind is FeatureKind.BOOLEAN or (low is None and high is None):
        return ""
    if low is None or high is None:
        return f"at least {grouped(low)}" if high is None and low is not None else _most(high)
    return f"{grouped(low)} to {grouped(high)}"


def _most(high: float | None) -> str:
    return "" if high is None else f"at most {grouped(high)}"
