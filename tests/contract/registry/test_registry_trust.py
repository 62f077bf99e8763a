"""Types that artifacts want to hold: asked for by registrations, decided by administrators."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.registry.adapters.database import Database
from services.registry.adapters.trust_store import SqlTrust
from services.registry.domain.artifact_refusals import ArtifactTypesNotTrustedError
from services.registry.domain.audit import Action, Entry
from services.registry.domain.paging import Paging
from services.registry.domain.trust import Asked, effective, never
from services.registry.ports import Inspected, Sample
from services.registry.ports.trust import TrustStore
from tests.contract.registry.conftest import SERVICE, Registry
from tests.contract.registry.test_registry_doors import bearer
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, SIGNATURE, Memory, TrustingInspector
from tests.fakes.trust import MemoryTrust
from understudy.contracts.vocabulary import TrustState

pytestmark = pytest.mark.anyio

TREE = "sklearn.tree._tree.Tree"
ASKED = Asked(TREE, TrustState.ASKED, NOON, "ann", "credit")
ENTRY = Entry(NOON, "ann", Action.ASK_TRUST, "credit")
ALL = Paging(100)


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TrustStore]:
    if request.param == "memory":
        yield MemoryTrust(Memory())
        return
    database = Database(fresh_url(request.param, tmp_path))
    database.migrate()
    yield SqlTrust(database)
    database.close()


def test_a_type_is_asked_for_once(store: TrustStore) -> None:
    assert store.find(TREE) is None
    assert store.ask([ASKED], 2, ENTRY)
    assert store.ask([replace(ASKED, asked_by="ben", model="other")], 2, ENTRY)
    assert store.find(TREE) == ASKED
    assert store.page(None, ALL).items == (ASKED,)
    assert store.decided() == {}


def test_no_more_are_asked_for_than_may_be_open(store: TrustStore) -> None:
    other, third = replace(ASKED, type="a.B"), replace(ASKED, type="a.C")
    assert store.ask([ASKED, other], 2, ENTRY)
    assert not store.ask([third], 2, ENTRY)
    assert store.find("a.C") is None
    decided = replace(other, state=TrustState.DENIED, decided_at=NOON, decided_by="cem", reason="x")
    assert store.decide(other, decided, ENTRY)
    assert store.ask([third], 2, ENTRY)
    assert [one.type for one in store.page(TrustState.ASKED, ALL).items] == ["a.C", TREE]
    assert store.page(None, Paging(1)).next_cursor == "a.B"


def test_who_decides_later_than_somebody_else_looks_again(store: TrustStore) -> None:
    store.ask([ASKED], 2, ENTRY)
    trusted = replace(
        ASKED, state=TrustState.TRUSTED, decided_at=NOON, decided_by="cem", reason="ours"
    )
    denied = replace(trusted, state=TrustState.DENIED)
    assert store.decide(ASKED, trusted, ENTRY)
    assert not store.decide(ASKED, denied, ENTRY)
    assert not store.decide(None, denied, ENTRY)
    assert store.find(TREE) == trusted
    assert store.decided() == {TREE: TrustState.TRUSTED}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "builtins.eval",
            "builtins.exec",
            "builtins.getattr",
            "builtins.object",
            "__main__.Model",
        ),
        *("os.system", "posix.system", "nt.system", "os.path.join", "subprocess.Popen"),
        *("sys.exit", "importlib.import_module", "ctypes.CDLL", "socket.socket", "shutil.rmtree"),
        *("pickle.loads", "pickle.Unpickler", "_pickle.loads", "code.InteractiveInterpreter"),
        *("runpy.run_path", "types.FunctionType", "types.CodeType", "functools.partial"),
        *(
            "functools.reduce",
            "operator.attrgetter",
            "operator.methodcaller",
            "_operator.itemgetter",
        ),
        *(
            "multiprocessing.context.Process",
            "logging.FileHandler",
            "pathlib.Path",
            "threading.Thread",
        ),
        *(
            "numpy.load",
            "numpy.lib._npyio_impl.load",
            "numpy.fromfile",
            "numpy.memmap",
            "numpy.save",
        ),
        *("numpy.vectorize", "numpy.ctypeslib.load_library", "numpy.ndarray.tofile"),
        *("numpy.testing._private.utils.runstring", "numpy.f2py.compile", "numpy.apply_along_axis"),
        *("scipy.io.loadmat", "scipy.LowLevelCallable", "scipy.optimize.minimize"),
        *("sklearn.datasets.load_files", "sklearn.utils._testing.check_output"),
        *("sklearn.externals.joblib.load", "sklearn.utils._joblib.Parallel", "sklearn.base.clone"),
        *("sklearn.pipeline.Pipeline.predict", "joblib.load", "joblib.Parallel", "dill.loads"),
        *("cloudpickle.CloudPickler", "torch.load", "yaml.Loader", "pandas.read_pickle"),
        *("pandas.io.pytables.HDFStore", "pandas.eval", "our_package.score", "our.Model.predict"),
        *("services.registry.app.App", "skops.io.load", "a.b.Popen", "a.__globals__.B"),
        *(
            "scipy.stats._continuous_distns.uniform_gen",
            "scipy.stats._distn_infrastructure.rv_frozen",
        ),
        *("scipy.stats._stats_py.namedtuple", "scipy.stats._stats_py.dataclass"),
        *("sklearn.pipeline.Memory", "sklearn.metrics._scorer.signature"),
        *("pandas.compat.pickle_compat.Unpickler", "pandas.core.computation.expr.Expr"),
        *("numpy.lib._stride_tricks_impl.DummyArray", "numpy.lib._datasource.Repository"),
        *("keras.Lambda", "onnxruntime.InferenceSession", "numpy.seterrcall"),
        *("sklearn.utils._available_if.MethodType", "scipy.interpolate._fitpack2.Lock"),
        *("xgboost.core.DMatrix", "xgboost.dask.DaskXGBClassifier", "our_package.models.Model"),
        *("sklearn.datasets._base.Bunch", "sklearn.utils._joblib.Memory", "a.numpy.dtype"),
        *("", "Model", "a..B", "a.B ", "a.B\n", "a.Ü", "a." + "B" * 300, "a/b.C"),
    ],
)
def test_what_can_run_code_by_being_named_is_never_trusted(name: str) -> None:
    assert never(name) is not None
    assert effective([], {name: TrustState.TRUSTED}) == ()


@pytest.mark.parametrize(
    "name",
    [
        *("builtins.eval", "os.system", "joblib.load", "numpy.load", "scipy.stats.norm"),
        *("sklearn.pipeline.Memory", "scipy.stats._continuous_distns.uniform_gen"),
    ],
)
def test_the_settings_trust_none_of_them_either(name: str) -> None:
    assert effective([name, "our_package.halved"], {}) == ("our_package.halved",)


@pytest.mark.parametrize(
    "name",
    [
        *(TREE, "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"),
        *("numpy.dtype", "numpy.ndarray", "numpy.log1p", "numpy._core._multiarray_umath.clip"),
        *("scipy.special._ufuncs.expit", "scipy.special.expit", "numpy.int64", "numpy.bool"),
        *("scipy.sparse._csr.csr_matrix", "scipy.interpolate._bsplines.BSpline"),
        *("numpy.random._pcg64.PCG64", "sklearn.neighbors._kd_tree.KDTree64"),
        *("sklearn.metrics._classification.f1_score", "sklearn.feature_selection.f_classif"),
        *("xgboost.sklearn.XGBClassifier", "lightgbm.basic.Booster"),
        *("pandas.core.dtypes.dtypes.CategoricalDtype", "collections.OrderedDict"),
        *("datetime.timedelta", "zoneinfo.ZoneInfo", "imblearn.pipeline.Pipeline"),
    ],
)
def test_about_what_is_known_to_calculate_a_person_decides(name: str) -> None:
    assert never(name) is None
    assert effective([], {name: TrustState.TRUSTED}) == (name,)


def test_a_denial_holds_against_the_settings() -> None:
    assert effective(
        [TREE, "a.B"], {TREE: TrustState.DENIED, "numpy.dtype": TrustState.TRUSTED}
    ) == (
        "a.B",
        "numpy.dtype",
    )


class Doubting(TrustingInspector):
    """Refuses what holds types that are not trusted."""

    def __init__(self, types: Collection[str]) -> None:
        super().__init__()
        self._types = types

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> Inspected:
        untrusted = sorted({*self._types} - {*trusted_types})
        if untrusted:
            raise ArtifactTypesNotTrustedError(untrusted)
        return super().inspect(sample, trusted_types)


def body() -> dict[str, Any]:
    feature = SIGNATURE.features[0]
    return {
        "artifact": "a" * 64,
        "reference": "b" * 64,
        "signature": {
            "features": [{"name": feature.name, "kind": "integer", "minimum": 18, "maximum": 99}],
            "target": {"name": "defaults", "task": "classification", "classes": ["no", "yes"]},
        },
    }


def hold(registry: Registry, monkeypatch: pytest.MonkeyPatch, *types: str) -> None:
    doubting = Doubting(types)
    monkeypatch.setattr(registry.inspector, "inspect", doubting.inspect)


async def decide(registry: Registry, name: str, decision: str, reason: str = "ours") -> Any:
    return await registry.http.post(
        f"/v1/trust/{name}/decision", json={"decision": decision, "reason": reason}
    )


async def test_a_refused_registration_asks_and_an_administrator_allows(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(registry, monkeypatch, TREE, "os.system")
    refused = await registry.http.post("/v1/models/credit/versions", json=body())
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "artifact_types_not_trusted")
    assert "They were asked for: an administrator" in problem["detail"]
    assert "'os.system'" in problem["detail"]
    listed = (await registry.http.get("/v1/trust")).json()["items"]
    assert [(one["type"], one["state"], one["model"]) for one in listed] == [
        (TREE, "asked", "credit")
    ]
    assert registry.memory.trail[-1].entry.action is Action.ASK_TRUST
    assert registry.memory.trail[-1].entry.details == {"types": [TREE]}

    before = (await registry.http.get("/v1/snapshot", headers=bearer(SERVICE))).json()
    allowed = await decide(registry, TREE, "trust")
    assert (allowed.status_code, allowed.json()["state"]) == (200, "trusted")
    after = (await registry.http.get("/v1/snapshot", headers=bearer(SERVICE))).json()
    assert after["trusted_types"] == [TREE]
    assert after["sequence"] > before["sequence"]
    hold(registry, monkeypatch, TREE)
    made = await registry.http.post("/v1/models/credit/versions", json=body())
    assert made.status_code == 201, made.text


async def test_what_was_trusted_can_be_denied_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.memory.configuration = replace(registry.memory.configuration, trusted_types=(TREE,))
    assert (await decide(registry, TREE, "deny", "forests crash")).status_code == 200
    snapshot = (await registry.http.get("/v1/snapshot", headers=bearer(SERVICE))).json()
    assert snapshot["trusted_types"] == []
    hold(registry, monkeypatch, TREE)
    refused = await registry.http.post("/v1/models/credit/versions", json=body())
    assert "denied by admin0001: forests crash" in refused.json()["detail"]
    again = await decide(registry, TREE, "deny")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_changes")
    assert (await decide(registry, TREE, "trust")).json()["reason"] == "ours"
    states = [
        recorded.entry.details["state"]
        for recorded in registry.memory.trail
        if recorded.entry.action is Action.DECIDE_TRUST
    ]
    assert states == ["denied", "trusted"]


async def test_nobody_can_allow_what_runs_code(registry: Registry) -> None:
    answer = await decide(registry, "os.system", "trust")
    assert (answer.status_code, answer.json()["code"]) == (422, "type_never_trusted")
    assert registry.memory.trust == {}
    assert (await decide(registry, "os.system", "deny")).status_code == 200


async def test_only_administrators_of_the_installation_see_and_decide(registry: Registry) -> None:
    for scope in ("register", "admin"):
        request = {"name": scope, "scopes": [scope], "project": "bank"}
        key = (await registry.http.post("/v1/keys", json=request)).json()["key"]
        listed = await registry.http.get("/v1/trust", headers=bearer(key))
        assert listed.status_code == 403
        decided = await registry.http.post(
            f"/v1/trust/{TREE}/decision",
            json={"decision": "trust", "reason": "ours"},
            headers=bearer(key),
        )
        assert decided.status_code == 403
    assert registry.memory.trust == {}


async def test_a_reason_is_needed(registry: Registry) -> None:
    for reason in ("", "  "):
        assert (await decide(registry, TREE, "trust", reason)).status_code == 422
    assert (await decide(registry, "no name", "trust")).status_code == 422
