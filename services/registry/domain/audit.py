"""The trail: every change leaves one entry, written in the transaction that made the change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

SYSTEM: Final = "system"
"""The actor of what happens at start, on the settings' behalf."""


class Action(StrEnum):
    """The closed set of changes."""

    CONFIGURE = "configuration.change"
    MAKE_PROJECT = "project.make"
    MAKE_MODEL = "model.make"
    REGISTER_VERSION = "version.register"
    MAKE_REVIEW = "version.review"
    OPEN_REVIEW = "version.open_review"
    ANSWER_QUESTIONS = "version.answer"
    DECIDE_VERSION = "version.decide"
    SET_GATE = "project.set_gate"
    ASK_TRUST = "trust.ask"
    DECIDE_TRUST = "trust.decide"
    MAKE_DEPLOYMENT = "deployment.make"
    RELEASE = "deployment.release"
    DELETE_DEPLOYMENT = "deployment.delete"
    SET_TAG = "tag.set"
    DELETE_TAG = "tag.delete"
    ISSUE_KEY = "key.issue"
    REVOKE_KEY = "key.revoke"
    MAKE_USER = "user.make"
    CHANGE_USER = "user.change"
    SET_PASSWORD = "user.set_password"  # noqa: S105 - the action, no password
    PUT_MEMBER = "member.put"
    REMOVE_MEMBER = "member.remove"
    BACK_UP = "registry.back_up"
    RESTORE = "registry.restore"


UNFOLLOWED: Final = frozenset(
    {Action.MAKE_REVIEW, Action.OPEN_REVIEW, Action.ANSWER_QUESTIONS, Action.ASK_TRUST}
)
"""Changes of which no follower need know: the snapshot is the same before and after, and keeps its
number. Each of them happens whenever somebody reads or registers, so snapshots would be fetched for
nothing."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An action that this release does not know, by its word: a newer one has written it."""

    value: str


def action_of(word: str) -> Action | Unknown:
    """As a word is read that stands in the trail, whichever release wrote it."""
    try:
        return Action(word)
    except ValueError:
        return Unknown(word)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what, when and why."""

    at: datetime
    actor: str
    action: Action | Unknown
    subject: str
    reason: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    def about(self, subject: str) -> "Entry":
        """The same entry with the subject that became known in the transaction."""
        return replace(self, subject=subject)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry in its place; its number is that of the snapshot that it led to.

    `UNFOLLOWED` ones have a number too, and led to none.
    """

    sequence: int
    entry: Entry
    hash: str = ""
    """Its link in the chain, once it is there."""


@dataclass(frozen=True, slots=True)
class KeysOf:
    """The keys that were issued for a deployment alone, from one moment to another."""

    deployment: str
    since: datetime
    until: datetime | None
    """Not included; None: until now."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Entries that are asked for; None is every one."""

    actions: frozenset[Action]
    subjects: frozenset[str] | None = None
    within: str | None = None
    """Subjects that begin with it."""
    keys: KeysOf | None = None
    """Subjects that are such keys."""
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    most: int | None = None
    """The newest, when there are more."""
