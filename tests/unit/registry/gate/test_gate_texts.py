"""A policy is read as it was written, or every mistake in it is told where it stands."""

import contextlib
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.registry.adapters.gate_yaml import YamlGates
from services.registry.domain.gate_texts import InvalidGateError, document_of, policy_of
from tests.fakes.gate_policies import policies
from understudy.cli.gate_policy import EXAMPLE
from understudy.contracts.gate import DEFAULT, METRICS, GatePolicy, MetricDemand, Override
from understudy.contracts.vocabulary import FindingCode, MemberRole, Question, Severity

PAGE = Path(__file__).parents[4] / "docs" / "gate.md"


def read(text: str) -> GatePolicy:
    return policy_of(YamlGates().values(text))


def wrong(text: str) -> dict[str, str]:
    with pytest.raises(InvalidGateError) as refused:
        read(text)
    return {error.pointer: error.message for error in refused.value.errors}


@given(policies())
def test_what_was_written_down_is_read_back(policy: GatePolicy) -> None:
    document = document_of(policy)
    assert policy_of(document) == policy
    assert read(json.dumps(document)) == policy
    assert read(json.dumps(document, indent="\t")) == policy
    assert read(yaml.safe_dump(document)) == policy


def test_members_that_are_not_named_are_as_in_the_default() -> None:
    assert read("{}") == DEFAULT
    assert read("# all left out\nfindings:\nmetrics:\nquestions:\noverride:\n") == DEFAULT
    assert read("second_person: true") == GatePolicy(second_person=True)


def test_the_example_names_all_members() -> None:
    written = yaml.safe_load(EXAMPLE)
    assert set(written) == set(document_of(DEFAULT))
    policy = read(EXAMPLE)
    assert policy.findings[FindingCode.PROXY] is Severity.BLOCK
    assert policy.metrics["roc_auc"] == MetricDemand(0.7, None, 0.1, 0.01, certain=True)
    assert Question.FAIRNESS in policy.questions
    assert policy.override == Override((MemberRole.ADMIN,))


def test_the_page_has_an_example_of_each_member_and_names_every_word() -> None:
    page = PAGE.read_text()
    examples = re.findall(r"^\| `(\w+)` \|.*\| `([^`]+)` \|$", page, re.MULTILINE)
    bounds = {each.name for each in fields(MetricDemand)}
    assert {name for name, _ in examples} == set(document_of(DEFAULT)) | bounds
    for name, example in examples:
        assert read(example) != DEFAULT, name
        assert f"{name}: " in example
    words = [*FindingCode, *Question, *Severity, *METRICS]
    assert [word for word in words if f"`{word}`" not in page] == []


@pytest.mark.parametrize(
    ("text", "pointer", "message"),
    [
        ("", "", "nothing is written"),
        ("[]", "", "must be members with values, not a list"),
        ("reviews: true", "/reviews", "did you mean review?"),
        ("review: 1", "/review", "must be true or false, not 1"),
        ("findings: {leak: block}", "/findings/leak", "known are failed_check"),
        ("findings: {proxi: block}", "/findings/proxi", "did you mean proxy?"),
        ("findings: {proxy: blok}", "/findings/proxy", "did you mean block?"),
        ("findings: [proxy]", "/findings", "must be members with values, not a list"),
        ("metrics: {roc: {at_least: 1}}", "/metrics/roc", "did you mean roc_auc?"),
        ("metrics: {f1: {}}", "/metrics/f1", "demands nothing"),
        ("metrics: {f1: 0.8}", "/metrics/f1", "must be members with values, not 0.8"),
        ("metrics: {f1: {at_lest: 1}}", "/metrics/f1/at_lest", "did you mean at_least?"),
        ("metrics: {f1: {at_least: 1__}}", "/metrics/f1/at_least", "such as 0.001, not '1__'"),
        ("metrics: {f1: {at_least: .nan}}", "/metrics/f1/at_least", "must be a number"),
        ("metrics: {f1: {at_least: 1e999}}", "/metrics/f1/at_least", "a finite number"),
        ("metrics: {f1: {at_least: .5}}", "/metrics/f1/at_least", "must be a number"),
        ("metrics: {f1: {at_least: 0x1}}", "/metrics/f1/at_least", "must be a number"),
        ("metrics: {f1: {at_least: true}}", "/metrics/f1/at_least", "must be a number"),
        ("metrics: {f1: {at_least: 1" + "0" * 400 + "}}", "/metrics/f1/at_least", "finite"),
        ("metrics: {f1: {at_least: 2, at_most: 1}}", "/metrics/f1/at_least", "nothing could"),
        ("questions: objective", "/questions", "must be a list such as [objective]"),
        ("questions: [objective, aim]", "/questions/1", "is not known here"),
        ("review_days: 0", "/review_days", "a whole number of days, 1 to"),
        ("review_days: 1:30", "/review_days", "a whole number of days"),
        ("review_days: 030", "/review_days", "a whole number of days"),
        ("review: yes", "/review", "must be true or false, not 'yes'"),
        ("review: 2001-99-99", "/review", "must be true or false, not '2001-99-99'"),
        ("review_days: 1.5", "/review_days", "a whole number of days"),
        ("training_days: true", "/training_days", "a whole number of days"),
        ("override: {roles: [boss]}", "/override/roles/0", "known are viewer"),
        ("override: {roles: [viewer]}", "/override/roles", "'viewer' can't decide against a gate"),
        ("override: {roles: [admin, scientist]}", "/override/roles", "name approver, operator or"),
        ("override: [admin]", "/override", "must be members with values"),
        ("1: true", "", "the name 1 must be text"),
        ("review: false\nmetrics: {f1: {at_least: 1}}", "/metrics", "nothing without reviews"),
        ("review: false\nreview_days: 3", "/review_days", "nothing without reviews"),
        ('"\\ud800": true', "/\\ud800", "is not known here"),
    ],
)
def test_a_mistake_is_told_where_it_stands(text: str, pointer: str, message: str) -> None:
    assert message in wrong(text)[pointer]


def test_numbers_are_those_of_json() -> None:
    written = "metrics: {f1: {at_least: 1e-3}, recall: {at_least: -0.5E+0}, auc: {at_least: 10}}"
    assert YamlGates().values(written) == {
        "metrics": {
            "f1": {"at_least": 0.001},
            "recall": {"at_least": -0.5},
            "auc": {"at_least": 10},
        }
    }
    assert YamlGates().values("{a: '1', b: null, c: , d: true, e: True, f: 1_0}") == {
        "a": "1",
        "b": None,
        "c": None,
        "d": True,
        "e": "True",
        "f": "1_0",
    }


def test_all_mistakes_are_told_at_once() -> None:
    assert set(wrong("review: no way\nsigned: 1\nmetrics: {x: {certain: 2}}")) == {
        "/review",
        "/signed",
        "/metrics/x",
        "/metrics/x/certain",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("review: true\nreview: false", "line 2, column 1: 'review' stands twice"),
        ('{"review": true, "review": false}', "'review' stands twice"),
        ("a: &x {b: 1}\nc: *x", "anchors and aliases are not read"),
        ("a: *x", "anchors and aliases are not read"),
        ("<<: {review: false}", "merging is not done here"),
        ("? [a, b]\n: 1", "a name must be text"),
        ("<<:\n  review: false", "line 1, column 1: merging is not done here"),
        ("review: !!python/object:os.system {}", "line 1, column 9: tags are not read here"),
        ("review: true\nreview_days: !!timestamp x", "line 2, column 14: tags are not read here"),
        ("review: !!bool 'maybe'", "tags are not read here"),
        ("review_days: !!int ''", "tags are not read here"),
        ("metrics: {f1: {at_least: !!float ''}}", "line 1, column 26: tags are not read here"),
        ("!!set {review}", "line 1, column 1: tags are not read here"),
        ("!!str review: true", "tags are not read here"),
        ("questions: !!seq [objective]", "tags are not read here"),
        ("review: ! true", "tags are not read here"),
        ('review: "\\UFFFFFFFF"', "line 1, column "),
        ("review: true\n---\nreview: true", "line 2"),
        ("review: [", "line 1"),
        ("[" * 50 + "]" * 50, "nested more than 8 levels"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "bytes"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested more than 8 levels"),
        ("# " + "x" * 70_000, "more than 65536 bytes"),
        ("review: \x00", "special characters are not allowed"),
        ("review_days: 1" + "0" * 5_000, "line 1, column 14: Exceeds the limit"),
    ],
)
def test_what_no_policy_needs_is_refused(text: str, message: str) -> None:
    assert message in wrong(text)[""]


@given(
    st.text("!<>%&*?:-#[]{}|, '\"\\Ux0_.\n\tabefilmnoprstu", max_size=60) | st.text(max_size=200)
)
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(InvalidGateError):
        assert isinstance(read(text), GatePolicy)
