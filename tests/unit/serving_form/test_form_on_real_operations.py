"""The same pages over the real operations: what the fake claims of them holds."""

from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.scoring import Limits
from services.serving.pages import Operations
from tests.fakes.html_pages import read_page
from tests.fakes.serving import ListLog
from tests.fakes.serving_form import (
    CREDIT,
    IRIS,
    KEY,
    KEYS,
    LABEL_KEY,
    OTHER_KEY,
    FakeServing,
    form_app,
)
from understudy.contracts.refusals import Refusal
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

pytestmark = pytest.mark.anyio

IRIS_FORM = {
    "in.sepal_length": "6.1",
    "in.sepal_width": "3",
    "in.petal_length": "5",
    "in.petal_width": "2",
}


class LastClass:
    """A model that answers the last class, whatever it is asked."""

    def __init__(self, signature: Signature) -> None:
        self._classes = len(signature.target.classes)

    def score(self, rows: Rows) -> Scored:
        shares = np.linspace(0.1, 0.7, self._classes)
        likely = np.tile(shares / shares.sum(), (len(rows), 1))
        return Scored(np.full(len(rows), self._classes - 1.0), likely)


def _deployment(name: str, signature: Signature | None, access: AccessLevel) -> Deployment:
    live = None
    if signature is not None:
        runner, plan = LastClass(signature), Plan(signature)
        live = Live(1, Loaded(1, signature, plan, runner, Cost(0.0, 0.0)), ())
    return Deployment(name, "bank", name, access, "", 1, live)


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
def operations(log: ListLog) -> Serving:
    serving = Serving(
        keys=lambda: KEYS,
        log=log,
        metrics=ServingMetrics(CollectorRegistry()),
        limits=Limits(rows=10, inline_seconds=1.0, threads=1, queue=1),
    )
    deployments = (
        _deployment("iris", IRIS, AccessLevel.PUBLIC),
        _deployment("credit-risk", CREDIT, AccessLevel.PROJECT),
        _deployment("loading", None, AccessLevel.PUBLIC),
        _deployment("closed-loading", None, AccessLevel.PROJECT),
    )
    serving.table = Table({each.name: each for each in deployments})
    return serving


@pytest.fixture
async def client(operations: Serving) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(form_app(operations))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as opened:
        yield opened


async def test_a_public_form_predicts_and_logs_the_row(
    client: httpx.AsyncClient, log: ListLog
) -> None:
    answer = await client.post("/iris/form", data=IRIS_FORM)
    assert answer.status_code == 200
    assert read_page(answer.text).one(class_="result__value").text == "Virginica"
    assert log.answered[0].rows.numbers.tolist() == [[6.1, 3.0, 5.0, 2.0]]


async def test_every_bad_value_is_named_in_one_answer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/iris/form", data={"in.sepal_length": "x", "in.petal_width": "9"})
    page = read_page(answer.text)
    assert answer.status_code == 422
    assert len([each for each in page.all("p", class_="field__error") if each.text]) == 4
    width = page.one("div", data_field="petal_width")
    assert "Must be a number between 0.1 and 4; got 9" in width.text


@pytest.mark.parametrize("key", [None, "nonsense", OTHER_KEY])
async def test_closed_unknown_and_loading_look_alike(
    client: httpx.AsyncClient, key: str | None
) -> None:
    pages = set()
    for name in ("credit-risk", "nowhere", "closed-loading"):
        if key is None:
            answer = await client.get(f"/{name}/form")
        else:
            answer = await client.post(f"/{name}/form", data={"do": "enter", "key": key})
        pages.add((answer.status_code, answer.text.replace(name, "…")))
    assert len(pages) == 1


async def test_what_is_not_loaded_yet_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.get("/loading/form")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("name", ["iris", "credit-risk"])
def test_the_fake_admits_whom_the_real_one_admits(operations: Serving, name: str) -> None:
    both: tuple[Operations, Operations] = (operations, FakeServing())
    verdicts = [[_verdict(each, name, key) for key in _KEYS] for each in both]
    assert verdicts[0] == verdicts[1]


_KEYS = (None, "nonsense", KEY, OTHER_KEY, LABEL_KEY)


def _verdict(operations: Operations, name: str, key: str | None) -> str:
    try:
        return operations.admit(name, key).name
    except Refusal as refusal:
        return refusal.code
