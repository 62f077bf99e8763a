"""The runbook as one page that needs nothing else: no script, no font, no picture.

A heading of the second level is a section, its name in lower case the anchor that alerts link to.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

STYLE: Final = Path(__file__).with_name("runbook.css")
_PREFIX: Final = "Understudy"
_SEVERITY: Final = re.compile(r"(<code>)(page|ticket|critical|warning|info|none)(</code>)")
_BLOCK: Final = re.compile(r"(?<=>)[^<>]+(?=</code></pre>)")
_WORD: Final = re.compile(r"(?<!\S)(?=\S*-)\S{2,28}(?!\S)")
"""Options: a line may be broken between words, never behind the hyphen of one."""

_PAGE: Final = """<!doctype html>
<html lang="en">
<!-- Written by docs/generate.py -->
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Understudy</title>
<style>
{style}</style>
</head>
<body id="top">
<a class="skip" href="#sections">To the sections</a>
<header class="bar"><div>
<b>Understudy <span>{title}</span></b><a href="#contents">Contents</a>
</div></header>
<div class="page">
<div class="intro">
{intro}</div>
<nav class="contents" id="contents" aria-label="Contents">
{contents}</nav>
<main id="sections">
{body}</main>
</div>
</body>
</html>
"""


def page(markdown: str) -> str:
    """The page of a text in Markdown; HTML in it is shown, not taken as such."""
    md = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = md.parse(markdown)
    names = {_text(tokens[place + 1]) for place, one in enumerate(tokens) if _opens(one)}
    for before, token in pairwise(tokens):
        _straighten(token)
        if token.children and before.type != "heading_open":
            token.children = [*_linked(token.children, names)]
    intro, *parts = _parts(tokens)
    return _PAGE.format(
        title=escape(_text(intro[1][1])),
        style=STYLE.read_text(),
        intro=_part(md, *intro),
        contents=_contents([part for _, part in parts]),
        body="".join(_part(md, *part) for part in parts),
    )


def anchor(title: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _parts(tokens: Sequence[Token]) -> Iterator[tuple[int, list[Token]]]:
    """The text cut before each heading of the first two levels, with the level."""
    begins = [
        place
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag in {"h1", "h2"}
    ]
    for begin, end in zip(begins, [*begins[1:], len(tokens)], strict=True):
        yield int(tokens[begin].tag[1]), list(tokens[begin:end])


def _part(md: MarkdownIt, level: int, tokens: list[Token]) -> str:
    rendered = _framed(md.renderer.render(tokens[3:], md.options, {}))
    title = md.renderer.render(tokens[1:2], md.options, {})
    if level == 1:
        return f"<h1>{title}</h1>\n{rendered}"
    name = escape(anchor(_text(tokens[1])))
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n'
        f'<div class="head"><h2 id="{name}-title"><a href="#{name}">{_broken(title)}</a></h2>'
        f'<a class="up" href="#top" aria-label="Back to top">↑ Top</a></div>\n'
        f"{rendered}</section>\n"
    )


def _contents(parts: Sequence[Sequence[Token]]) -> str:
    """Alerts without what all their names begin with."""
    names = [_text(part[1]) for part in parts if part[0].tag == "h2"]
    alerts = [name for name in names if _is_alert(name)]
    others = [name for name in names if not _is_alert(name)]
    lists = [("General", others), ("Alerts", alerts)]
    return "".join(
        f"<h2>{title}</h2>\n<ol>\n{''.join(map(_entry, names))}</ol>\n"
        for title, names in lists
        if names
    )


def _is_alert(name: str) -> bool:
    return re.fullmatch(rf"{_PREFIX}\w+", name) is not None


def _entry(name: str) -> str:
    shown = _broken(escape(name.removeprefix(_PREFIX) if _is_alert(name) else name))
    return f'<li><a href="#{escape(anchor(name))}">{shown}</a></li>\n'


def _broken(text: str) -> str:
    """Long names may be broken where a word begins."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", text)


def _straighten(token: Token) -> None:
    """Links within the page stay; of those to other pages of docs/ only the name is left."""
    opened = list[bool]()
    for child in token.children or []:
        if child.type == "link_open":
            target = str(child.attrs["href"]).removeprefix("runbook.md")
            opened.append(target.startswith(("#", "https://", "http://")))
            if opened[-1]:
                child.attrs["href"] = target.lower() if target.startswith("#") else target
            else:
                child.type, child.tag = "span_open", "span"
                child.attrs = {"title": f"docs/{target}"}
        elif child.type == "link_close" and not opened.pop():
            child.type, child.tag = "span_close", "span"


def _opens(token: Token) -> bool:
    return (token.type, token.tag) == ("heading_open", "h2")


def _linked(children: Sequence[Token], names: Collection[str]) -> Iterator[Token]:
    """A section's name in plain text leads to it."""
    within = 0
    for child in children:
        within += child.nesting if child.tag == "a" else 0
        if child.type != "text" or within:
            yield child
            continue
        for piece in re.split(rf"\b({_PREFIX}[A-Z]\w+)\b", child.content):
            text = Token("text", "", 0, content=piece)
            if piece in names:
                attributes: dict[str, str | int | float] = {"href": f"#{anchor(piece)}"}
                yield Token("link_open", "a", 1, attrs=attributes)
                yield text
                yield Token("link_close", "a", -1)
            else:
                yield text


def _framed(html: str) -> str:
    """Wide tables scroll by themselves; code can be reached by keyboard; severities are tags."""
    html = html.replace("<table>", '<div class="table" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    html = html.replace("<pre>", '<pre tabindex="0" title="A click selects all of it">')
    html = _BLOCK.sub(lambda block: _WORD.sub(r"<span>\g<0></span>", block[0]), html)
    return _SEVERITY.sub(r'<span class="tag tag--\2">\2</span>', html)


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or [])
