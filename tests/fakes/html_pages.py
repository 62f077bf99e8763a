"""Reads a page the way a test asks about it: elements by id, by tag, by attributes."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"input", "meta", "link", "img", "br", "hr"})


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    inside: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def __getitem__(self, name: str) -> str | None:
        return self.attributes[name]

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def all(self, tag: str | None = None, **wanted: str) -> list["Element"]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [
            element
            for element in self.inside
            if tag in (None, element.tag)
            and all(element.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str | None = None, **wanted: str) -> "Element":
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{tag} {wanted}: {len(found)} elements"
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> repeats an attribute: {names}"
        element = Element(tag, dict(attrs))
        for outer in self.open:
            outer.inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop()
        assert opened.tag == tag, f"<{opened.tag}> ends with </{tag}>"

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.pieces.append(data)


def read_page(html: str) -> Element:
    """The whole page; fails when elements are not nested properly or ids repeat."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, [element.tag for element in reader.open]
    page = reader.open[0]
    ids = [element["id"] for element in page.inside if "id" in element]
    assert len(set(ids)) == len(ids), "ids repeat"
    return page
