"""The dashboards' files: fresh, known to Grafana's types, laid out, and of metrics that exist."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.generate import FOLDER, generated
from deploy.grafana.look import Colour
from deploy.grafana.reading import Choices, Dashboard, Json, Window, legend_labels
from deploy.grafana.variables import Addresses

ROOT: Final = Path(__file__).parents[3]
ALL: Final = Dashboard.all()
# Grafana's Prometheus plugin reads these of an annotation; the SDK's type leaves them out.
ANNOTATION_KEYS: Final = {"step", "useValueForTime", "titleFormat", "textFormat", "tagKeys"}
# Prometheus' own, and its client's.
FOREIGN: Final = {"ALERTS", "process_cpu_seconds_total", "process_resident_memory_bytes"}
BUILT_IN: Final = {"__rate_interval", "__range", "__interval", "__url_time_range", "__value"}
_WORD: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_METRIC: Final = re.compile(r"\b(understudy[_:][a-z0-9_:]+|process_\w+|ALERTS)\b")
_USED: Final = re.compile(r"\$\{(\w+)[^}]*\}|\$([a-zA-Z_]\w*)")


EACH: Final = pytest.mark.parametrize("board", ALL, ids=lambda board: board.name)


@pytest.fixture(autouse=True, scope="module")
def _plugins() -> None:
    register_default_plugins()


def test_the_files_are_what_the_code_writes() -> None:
    written = dict(generated(Addresses()))

    assert {file.name for file in FOLDER.glob("*")} == set(written)
    for name, text in written.items():
        assert (FOLDER / name).read_text() == text, "run python -m deploy.grafana.generate"


def test_addresses_are_where_links_lead() -> None:
    written = dict(generated(Addresses("https://ask.example.com", "https://watch.example.com")))

    variables = json.loads(written["deployment.json"])["templating"]["list"]
    told = {each["name"]: each["current"]["value"] for each in variables if "current" in each}
    assert told["serving"] == "https://ask.example.com"
    assert told["monitor"] == "https://watch.example.com"


@EACH
def test_grafanas_types_know_every_key(board: Dashboard) -> None:
    parsed = model.Dashboard.from_json(board.json)

    again = json.loads(json.dumps(parsed, cls=JSONEncoder))
    assert set(_lost(board.json, again)) <= ANNOTATION_KEYS


def test_a_key_that_grafanas_types_do_not_know_is_found() -> None:
    planted = json.loads((FOLDER / "usage.json").read_text())
    planted["panels"][1]["fieldConfig"]["defaults"]["colour"] = "red"

    again = json.loads(json.dumps(model.Dashboard.from_json(planted), cls=JSONEncoder))
    assert "colour" in set(_lost(planted, again))


@EACH
def test_a_dashboard_keeps_its_uid_and_its_datasource_is_chosen(board: Dashboard) -> None:
    assert board.json["uid"] == f"understudy-{board.name}"
    assert board.variables()[0]["name"] == "datasource"
    assert board.json["description"]
    asked = [*board.annotations(), *(v for v in board.variables() if v["type"] == "query")]
    assert asked
    assert {each["datasource"]["uid"] for each in asked} == {"${datasource}"}


@EACH
def test_ids_are_unique_and_panels_lie_beside_each_other(board: Dashboard) -> None:
    rows = [each for each in board.json["panels"] if each["type"] == "row"]
    ids = [each["id"] for each in [*rows, *board.panels()]]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 0

    _assert_apart(board.json["panels"])
    for row in rows:
        assert bool(row["panels"]) is row["collapsed"]
        _assert_apart(row["panels"])


def test_panels_that_overlap_are_found() -> None:
    panels = json.loads((FOLDER / "usage.json").read_text())["panels"]
    panels[2]["gridPos"] = panels[1]["gridPos"]

    with pytest.raises(AssertionError):
        _assert_apart(panels)


@EACH
def test_every_panel_says_what_it_shows(board: Dashboard) -> None:
    for panel in board.panels():
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"


@EACH
def test_every_panel_has_a_unit_and_asks_the_chosen_datasource(board: Dashboard) -> None:
    for panel in _asking(board):
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


@EACH
def test_what_panels_ask_for_exists(board: Dashboard) -> None:
    known = _catalogue()
    for panel in _asking(board):
        for target in panel["targets"]:
            asked = set(_METRIC.findall(target["expr"]))
            assert asked, target["expr"]
            assert asked <= known, f"{panel['title']}: {asked - known}"


@EACH
def test_variables_and_annotations_ask_for_what_exists(board: Dashboard) -> None:
    known = _catalogue()
    expressions = [each["expr"] for each in board.annotations()]
    expressions += [v["query"]["query"] for v in board.variables() if v["type"] == "query"]
    for expression in expressions:
        assert set(_METRIC.findall(expression)) <= known


@EACH
def test_every_variable_that_is_used_is_declared_before(board: Dashboard) -> None:
    declared: set[str] = set()
    for variable in board.variables():
        assert _used(variable.get("query", "")) <= declared
        declared.add(variable["name"])

    assert _used([board.json["panels"], board.annotations()]) - BUILT_IN <= declared


@EACH
def test_quantiles_are_read_off_buckets_and_never_averaged(board: Dashboard) -> None:
    expressions = [t["expr"] for panel in _asking(board) for t in panel["targets"]]
    for expression in expressions:
        assert not re.search(r"\bavg\b|avg_over_time", expression)
        if "histogram_quantile" in expression:
            assert re.search(r"sum by \(le[,)]", expression)


@EACH
def test_roles_have_one_colour_everywhere(board: Dashboard) -> None:
    for panel in _lines(board):
        told = {
            override["matcher"]["options"]: override["properties"][0]["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"]
            if override["properties"][0]["id"] == "color"
        }
        assert told["/^main/"] == Colour.MAIN
        assert told["/^challenger/"] == Colour.CHALLENGER


@EACH
def test_every_line_has_a_name_of_labels_that_it_keeps(board: Dashboard) -> None:
    for panel in _lines(board):
        for target in panel["targets"]:
            assert target["legendFormat"] != "__auto"
            kept = set(_WORD.findall(target["expr"]))
            assert set(legend_labels(target["legendFormat"])) <= kept


def test_what_is_chosen_is_put_into_queries_as_grafana_does() -> None:
    window = Window(0, 3_600, scrape_seconds=10)
    choices = Choices({"deployment": "credit-risk", "version": ["1", "2"], "feature": ["a.b"]})
    choices.escaped |= {"version", "feature"}

    filled = choices.fill(
        'x{d="$deployment",v=~"${version}",f=~"$feature"}[$__rate_interval]', window
    )

    assert filled == 'x{d="credit-risk",v=~"(1|2)",f=~"a\\\\.b"}[40s]'


def test_what_is_provisioned_is_what_the_dashboards_choose() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())
    providers = yaml.safe_load((folder / "dashboards" / "understudy.yml").read_text())

    [source] = sources["datasources"]
    [provider] = providers["providers"]
    assert {board.variables()[0]["current"]["value"] for board in ALL} == {source["uid"]}
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]


def _asking(board: Dashboard) -> list[Json]:
    return [panel for panel in board.panels() if panel.get("targets")]


def _lines(board: Dashboard) -> list[Json]:
    return [panel for panel in board.panels() if panel["type"] == "timeseries"]


@cache
def _catalogue() -> frozenset[str]:
    text = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE)
    known = {name for name, _ in rows} | {f"{n}_bucket" for n, k in rows if k == "histogram"}
    for file in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"):
        for group in yaml.safe_load(file.read_text())["groups"]:
            known |= {rule["record"] for rule in group["rules"] if "record" in rule}
    return frozenset(known | FOREIGN)


def _used(within: object) -> set[str]:
    found = _USED.findall(json.dumps(within))
    return {braced or bare for braced, bare in found}


def _lost(before: object, after: object) -> Iterator[str]:
    """Keys that are there before and not after, however deep."""
    if isinstance(before, dict):
        kept = after if isinstance(after, dict) else {}
        for key, value in before.items():
            if key not in kept:
                yield key
            else:
                yield from _lost(value, kept[key])
    elif isinstance(before, list):
        kept_items = after if isinstance(after, list) else []
        assert len(kept_items) == len(before)
        for one, other in zip(before, kept_items, strict=True):
            yield from _lost(one, other)


def _assert_apart(panels: list[Json]) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        grid = panel["gridPos"]
        assert 0 <= grid["x"] <= 24 - grid["w"]
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken[x, y]}"
                taken[x, y] = panel["title"]
