"""The runbook's page: sections that alerts can link to, and nothing that was not written."""

import re

import pytest

from docs.runbook_page import anchor, page

TEXT = """# Runbook

Opening, with [metrics](metrics.md) and [drift](#UnderstudyDrift).

## How to read this

| severity | means |
| --- | --- |
| `page` | now |

## UnderstudyDrift

Severity: `ticket`. See [elsewhere](https://example.org/a?b=c&d=e) and
[the other](runbook.md#understudyservingdown).

```sh
understudy why "credit risk" --days 7 && echo <done>
```

### What to do

<script>alert(1)</script>

## UnderstudyServingDown

Often after UnderstudyDrift, never after `UnderstudyDrift` or UnderstudyNothing.
"""


def test_an_alerts_name_in_lower_case_is_the_anchor_of_its_section() -> None:
    found = re.findall(r'<section id="([^"]+)"', page(TEXT))
    assert found == ["how-to-read-this", "understudydrift", "understudyservingdown"]


def test_every_link_leads_somewhere() -> None:
    html = page(TEXT)
    links = set(re.findall(r'href="([^"]+)"', html))
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert {link for link in links if not link.startswith("#")} == {
        "https://example.org/a?b=c&amp;d=e"
    }
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert '<span title="docs/metrics.md">metrics</span>' in html


def test_the_contents_name_alerts_without_what_all_begin_with() -> None:
    (contents,) = re.findall(r"<nav.*?</nav>", page(TEXT), re.DOTALL)
    entries = [re.sub(r"<[^>]+>", "", entry) for entry in re.findall(r"<li>.*?</li>", contents)]
    assert entries == ["How to read this", "Drift", "ServingDown"]


def test_a_sections_name_in_plain_text_leads_to_it() -> None:
    (said,) = re.findall(r"<p>Often .*?</p>", page(TEXT))
    assert said == (
        '<p>Often after <a href="#understudydrift">UnderstudyDrift</a>, never after '
        "<code>UnderstudyDrift</code> or UnderstudyNothing.</p>"
    )


def test_html_is_shown_and_not_taken_as_such() -> None:
    html = page(TEXT)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_command_is_copied_as_it_was_written() -> None:
    (block,) = re.findall(r"<pre[^>]*><code[^>]*>(.*?)</code></pre>", page(TEXT), re.DOTALL)
    plain = re.sub(r"</?span>", "", block)
    assert plain == "understudy why &quot;credit risk&quot; --days 7 &amp;&amp; echo &lt;done&gt;\n"
    assert "<span>--days</span>" in block


def test_a_severity_is_a_tag() -> None:
    assert '<span class="tag tag--ticket">ticket</span>' in page(TEXT)


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("UnderstudyDrift", "understudydrift"),
        ("How to use: this `page`", "how-to-use-this-page"),
    ],
)
def test_anchors_are_those_that_github_makes(title: str, found: str) -> None:
    assert anchor(title) == found
