"""Plants faults: a place in one manifest, and what stands there instead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.deploy.kube.manifests import Manifest, Rendered

GONE: Final = object()
Edit = Callable[[Rendered], Rendered]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, which check says so, and in which words."""

    check: str
    complaint: str
    edit: Edit


def put(reference: str, path: str, value: object) -> Edit:
    """Have `value` at a dotted path of `Kind/name`; numbers are places in lists."""

    def edit(rendered: Rendered) -> Rendered:
        _put(rendered.find(reference), path.split("|"), value)
        return rendered

    return edit


def without(reference: str) -> Edit:
    """Leave a manifest out."""

    def edit(rendered: Rendered) -> Rendered:
        gone = rendered.find(reference)
        return Rendered([one for one in rendered.manifests if one is not gone])

    return edit


def beside(manifest: Manifest) -> Edit:
    """Add a manifest."""
    return lambda rendered: Rendered([*rendered.manifests, manifest])


def first(reference: str) -> Edit:
    """Send one before all others."""

    def edit(rendered: Rendered) -> Rendered:
        moved = rendered.find(reference)
        return Rendered([moved, *(one for one in rendered.manifests if one is not moved)])

    return edit


def _put(found: Any, path: list[str], value: object) -> None:
    *steps, last = path
    for step in steps:
        found = found[int(step)] if isinstance(found, list) else found.setdefault(step, {})
    place = int(last) if isinstance(found, list) else last
    if value is GONE:
        del found[place]
    elif isinstance(found, list) and place == len(found):
        found.append(value)
    else:
        found[place] = value
