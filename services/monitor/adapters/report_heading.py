"""Our own figures above Evidently's page: a heading, facts, and a table of features.

Names come from users, so all that is written is escaped.
"""

import html
from collections.abc import Iterable, Sequence
from typing import Final

from services.monitor.domain.reports import FeatureLine

_STYLE: Final = """
.us{font:15px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff;margin:0 auto;
 padding:1.5rem 2rem;max-width:1180px}
.us h1{font-size:1.5rem;margin:0 0 .75rem}.us h2{font-size:1.05rem;margin:1.5rem 0 .25rem}
.us dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.25rem;margin:0}
.us dt{color:#52606d}.us dd{margin:0;overflow-wrap:anywhere}
.us p{margin:.25rem 0;color:#52606d}.us .wide{overflow-x:auto}
.us table{border-collapse:collapse;width:100%;margin:.5rem 0;font-variant-numeric:tabular-nums}
.us th,.us td{padding:.3rem .75rem;text-align:right;border-bottom:1px solid #e4e7eb}
.us th{color:#52606d;font-weight:600;white-space:nowrap}
.us th:first-child,.us td:first-child{text-align:left;white-space:nowrap}
.us tr.alarm td{background:#fff4e5}.us tr.alarm td:first-child{box-shadow:inset 3px 0 #c2410c}
"""
_EVIDENCE: Final[str] = "Evidence"
_COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("Feature", "the model's input"),
    ("PSI", "debiased population stability index, in nats: about 0 without drift"),
    ("JS", "debiased Jensen-Shannon divergence, in nats: about 0 without drift"),
    (_EVIDENCE, "of the drift detector now, over its threshold: an alarm from 1 on"),
    ("Live mean", "of the rows of this report"),
    ("Reference mean", "of the reference sample"),
    ("Missing", "share of rows without a value"),
    ("Unusual", "share of categories, or of values beyond the range, that the reference lacks"),
    ("Importance", "how much the loss grows when the feature is shuffled"),
)
_MOST_LINES: Final = 100
_NOTE_OF_PAST: Final = (
    "This table is Understudy's. What Evidently flags below is no alarm: it compares two samples "
    "under default thresholds, and on small windows flags columns that have not drifted."
)
_NOTE: Final = (
    "This table is Understudy's. Its evidence is an alarm from 1 on, and is valid however often it "
    "is looked at. What Evidently flags below is no alarm: it compares two samples under default "
    "thresholds, and on small windows flags columns that have not drifted."
)


def heading(
    title: str,
    notes: Iterable[str],
    facts: Sequence[tuple[str, str]],
    figures: Sequence[FeatureLine],
) -> str:
    """A `<header>` to put at the top of a page's body."""
    lines = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
    said = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts)
    return (
        f'<style>{_STYLE}</style><header class="us"><h1>{html.escape(title)}</h1>'
        f"{f'<dl>{said}</dl>' if said else ''}{_table(figures)}{lines}</header>"
    )


def _table(figures: Sequence[FeatureLine]) -> str:
    if not figures:
        return ""
    # Of a window that is over there is no evidence: the detector's is of now.
    known = any(line.evidence is not None for line in figures)
    columns = [column for column in _COLUMNS if known or column[0] != _EVIDENCE]
    head = "".join(
        f'<th scope="col" title="{html.escape(what)}">{name}</th>' for name, what in columns
    )
    rows = "".join(_row(line, evidence=known) for line in figures[:_MOST_LINES])
    more = len(figures) - _MOST_LINES
    rest = f"<p>{more} features that drifted less are left out.</p>" if more > 0 else ""
    return (
        f"<h2>Features, what drifted most first</h2><p>{_NOTE if known else _NOTE_OF_PAST}</p>"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f"</div>{rest}"
    )


def _row(line: FeatureLine, *, evidence: bool) -> str:
    cells = (
        html.escape(line.feature),
        _number(line.psi, ".3f"),
        _number(line.js, ".4f"),
        *([_number(line.evidence, ".2f")] if evidence else []),
        _mean(line.live),
        _mean(line.reference),
        _number(line.missing_ratio, ".2%"),
        _number(line.unusual_ratio, ".2%"),
        _number(line.importance, ".3g"),
    )
    alarm = ' class="alarm"' if (line.evidence or 0.0) >= 1.0 else ""
    return f"<tr{alarm}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _mean(value: float | None) -> str:
    """Four digits, and as many more as stand before the point; very large and small ones as 1e9."""
    plain = value is not None and 1e-4 <= abs(value) < 1e12
    if value is None or not plain:
        return _number(value, ".4g")
    return _number(value, ".0f" if abs(value) >= 1_000 else ".4g")


def _number(value: float | None, form: str) -> str:
    """A dash where there is no figure; -0.000 is 0.000."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "–"
    told = format(value, form)
    return told.removeprefix("-") if not told.strip("-0.%") else told
