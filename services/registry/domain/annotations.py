"""Tags: names with values that people and tools put on models and versions. They decide nothing.

Names that begin with `understudy.mlflow.` are what MLflow's protocol keeps besides; its clients see
them as members, not as tags.
"""

import unicodedata
from collections.abc import Mapping
from typing import Final

from services.registry.domain.errors import InvalidTagError, TooManyTagsError

MODEL: Final = 0
"""Stands for the model itself where one of its versions could be named."""
MAX_TAGS: Final = 200
RESERVED: Final = "understudy.mlflow."
"""Beginning of what only our own operations write."""
DESCRIPTION: Final = RESERVED + "description"
SOURCE: Final = RESERVED + "source"
RUN: Final = RESERVED + "run_id"
RUN_LINK: Final = RESERVED + "run_link"
LOGGED_MODEL: Final = RESERVED + "model_id"

STATE: Final = "understudy.state"
"""Where a version's review stands: shown, never kept."""
PROJECT: Final = "understudy.project"
"""Whose a model is: shown, never kept."""

Tags = Mapping[str, str]
NO_TAGS: Final[Tags] = {}
_LONGEST_NAME: Final = 250
_LONGEST_VALUE: Final = 5_000


def _require_tag(name: str, value: str) -> None:
    if not 1 <= len(name) <= _LONGEST_NAME or _control(name, allowed=""):
        raise InvalidTagError(
            "/key", f"A tag's name has 1 to {_LONGEST_NAME} characters, none a control character."
        )
    if len(value) > _LONGEST_VALUE or _control(value, allowed="\n\r\t"):
        raise InvalidTagError(
            "/value",
            f"A tag's value has at most {_LONGEST_VALUE} characters, none a control character.",
        )


def require_tags(tags: Tags) -> None:
    """What people may put. Raises InvalidTagError or TooManyTagsError."""
    require_values(tags)
    for name in tags:
        require_free(name)
    require_room({}, tags)


def require_values(tags: Tags) -> None:
    """What can be kept, and shown without forging lines. Raises InvalidTagError."""
    for name, value in tags.items():
        _require_tag(name, value)


def require_free(name: str) -> None:
    """Raises InvalidTagError for names that are ours."""
    if name.startswith(RESERVED) or name in {STATE, PROJECT}:
        raise InvalidTagError("/key", f"The registry itself keeps '{name}'; take another name.")


def require_room(held: Tags, added: Tags) -> None:
    """Raises TooManyTagsError."""
    if len({*held, *added}) > MAX_TAGS:
        raise TooManyTagsError(f"There are at most {MAX_TAGS} tags; delete one first.")


def shown(tags: Tags) -> Tags:
    """Those that are nobody's members."""
    return {name: value for name, value in tags.items() if not name.startswith(RESERVED)}


def _control(text: str, *, allowed: str) -> bool:
    return any(unicodedata.category(one) == "Cc" and one not in allowed for one in text)
