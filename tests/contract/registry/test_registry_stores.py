"""The SQL stores and the fakes do the same. PostgreSQL joins when a URL is given."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.follower_store import SqlFollowers
from services.registry.adapters.gate_store import SqlGates
from services.registry.adapters.job_store import SqlJobs
from services.registry.adapters.key_store import SqlKeys
from services.registry.adapters.people_store import SqlPeople
from services.registry.adapters.reply_store import SqlReplies
from services.registry.adapters.review_store import SqlReviews
from services.registry.adapters.session_store import SqlSessions
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tag_store import SqlTags
from services.registry.adapters.trust_store import SqlTrust
from services.registry.adapters.upload_store import SqlUploads
from services.registry.domain import versions
from services.registry.domain.access import Configuration, InstallationKey, Key, Reach
from services.registry.domain.audit import UNFOLLOWED, Action, Entry, KeysOf, Wanted
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.errors import (
    AlreadyDecidedError,
    InvalidCursorError,
    NameTakenError,
    StaleReleaseError,
)
from services.registry.domain.jobs import Job
from services.registry.domain.paging import Paging
from services.registry.domain.releases import Setting
from services.registry.domain.replies import Begun
from services.registry.domain.versions import (
    Baseline,
    Compiled,
    Interval,
    Lineage,
    NotCompiled,
    NotMeasured,
)
from services.registry.ports import Store
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, deployment, draft, memory_store, release
from understudy.contracts.limits import Limits
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.registry import FollowerReport
from understudy.contracts.vocabulary import (
    BaselineSample,
    CompiledKind,
    Component,
    Decision,
    Durability,
    GuardAction,
    JobState,
    Scope,
    TypePolicy,
    VersionState,
)


def sql_store(database: Database) -> Store:
    database.migrate()
    return Store(
        catalogue=SqlCatalogue(database),
        deployments=SqlDeployments(database),
        keys=SqlKeys(database),
        state=SqlState(database),
        followers=SqlFollowers(database),
        people=SqlPeople(database),
        sessions=SqlSessions(database),
        tags=SqlTags(database),
        gates=SqlGates(database),
        replies=SqlReplies(database),
        jobs=SqlJobs(database),
        uploads=SqlUploads(database),
        reviews=SqlReviews(database),
        trust=SqlTrust(database),
    )


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield memory_store()
        return
    database = Database(fresh_url(request.param, tmp_path))
    yield sql_store(database)
    database.close()


def entry(action: Action = Action.RELEASE, subject: str = "credit") -> Entry:
    return Entry(NOON, "admin0001", action, subject, "because", {"n": 1})


@pytest.fixture
def filled(store: Store) -> Store:
    """Two projects with a model each; three versions of one of them, and its deployment."""
    for project in ("bank", "shop"):
        store.catalogue.add_project(Project(project, "", NOON), entry())
    store.catalogue.add_model(Model("credit", "bank", "", NOON), entry())
    store.catalogue.add_model(Model("basket", "shop", "", NOON), entry())
    for _ in range(3):
        store.catalogue.add_version(draft(), entry())
    store.deployments.add(deployment(), entry())
    return store


def key(key_id: str = "abcdefgh", reach: Reach | None = None) -> Key:
    return Key(key_id, "c" * 64, "app", (Scope.PREDICT,), reach or Reach(), NOON)


def names(found: object) -> list[str]:
    return [item.name for item in found.items]  # type: ignore[attr-defined]


def test_names_are_taken_once(filled: Store) -> None:
    before = filled.state.sequence()
    for add in (
        lambda: filled.catalogue.add_project(Project("bank", "", NOON), entry()),
        lambda: filled.catalogue.add_model(Model("credit", "shop", "", NOON), entry()),
        lambda: filled.deployments.add(deployment(), entry()),
    ):
        with pytest.raises(NameTakenError):
            add()
    assert filled.state.sequence() == before


def test_projects_and_models_come_by_name_within_reach(filled: Store) -> None:
    assert names(filled.catalogue.projects([Reach()], Paging())) == ["bank", "shop"]
    assert names(filled.catalogue.projects([Reach(project="shop")], Paging())) == ["shop"]
    assert names(filled.catalogue.projects([Reach(deployment="credit")], Paging())) == []
    assert names(filled.catalogue.models([Reach()], Paging())) == ["basket", "credit"]
    assert names(filled.catalogue.models([Reach(project="bank")], Paging())) == ["credit"]
    assert names(filled.catalogue.models([Reach(deployment="credit")], Paging())) == []
    assert filled.catalogue.model("credit") == Model("credit", "bank", "", NOON, versions=3)
    assert filled.catalogue.model("nothing") is None
    assert filled.catalogue.project("bank") == Project("bank", "", NOON)


def test_lists_come_in_pages(filled: Store) -> None:
    first = filled.catalogue.versions("credit", Paging(limit=2))
    assert [version.number for version in first.items] == [3, 2]
    rest = filled.catalogue.versions("credit", Paging(2, first.next_cursor))
    assert [version.number for version in rest.items] == [1]
    assert rest.next_cursor is None
    one = filled.catalogue.projects([Reach()], Paging(limit=1))
    assert names(filled.catalogue.projects([Reach()], Paging(1, one.next_cursor))) == ["shop"]
    with pytest.raises(InvalidCursorError):
        filled.catalogue.versions("credit", Paging(2, "x"))


def test_a_version_comes_back_as_it_went_in(filled: Store) -> None:
    lineage = Lineage("ann", "c0ffee", "d" * 64, NOON, {"scikit-learn": "1.6"})
    made = filled.catalogue.add_version(replace(draft(), lineage=lineage), entry())
    assert made.number == 4
    assert filled.catalogue.version("credit", 4) == made
    assert filled.catalogue.version("credit", 5) is None
    assert filled.state.trail(Paging()).items[0].entry.subject == "credit/4"


def test_what_a_version_was_compiled_to_comes_back_and_is_its_projects_file(filled: Store) -> None:
    compiled = Compiled(CompiledKind.ONNX, "9" * 64, "float64", 7, 1e-9, 1e-6, 24.5)
    for outcome in (compiled, NotCompiled("no converter")):
        made = filled.catalogue.add_version(replace(draft(), compiled=outcome), entry())
        assert filled.catalogue.version("credit", made.number) == made
    assert filled.catalogue.projects_using("9" * 64) == {"bank"}


def test_what_a_version_was_measured_on_comes_back_and_is_its_projects_file(
    filled: Store,
) -> None:
    baseline = Baseline("8" * 64, BaselineSample.EVALUATION, 7, {"age": 0.25})
    measured = replace(draft(), evaluation="7" * 64, time_column="seen_at", baseline=baseline)
    bounded = replace(baseline, interval=Interval(0.9, 2.5, 200))
    for made in (
        measured,
        replace(measured, baseline=bounded),
        replace(draft(), baseline=NotMeasured("no row is legal")),
    ):
        version = filled.catalogue.add_version(made, entry())
        assert filled.catalogue.version("credit", version.number) == version
    for digest in ("8" * 64, "7" * 64):
        assert filled.catalogue.projects_using(digest) == {"bank"}


def test_a_review_ends_once(filled: Store) -> None:
    pending = filled.catalogue.version("credit", 1)
    assert pending is not None
    decided = versions.decide(pending, Decision.IGNORE, by="a", at=NOON, reason="no")
    filled.catalogue.end_review(decided, entry())
    assert filled.catalogue.version("credit", 1) == decided
    assert decided.state is VersionState.IGNORED
    with pytest.raises(AlreadyDecidedError):
        filled.catalogue.end_review(decided, entry())


def test_files_belong_to_the_projects_whose_versions_name_them(filled: Store) -> None:
    assert filled.catalogue.projects_using("a" * 64) == {"bank"}
    assert filled.catalogue.projects_using("b" * 64) == {"bank"}
    assert filled.catalogue.projects_using("f" * 64) == frozenset()


def test_who_sent_a_file_is_remembered_for_a_while(store: Store) -> None:
    digest, week = "a" * 64, timedelta(days=7)
    store.uploads.note(digest, "ann", NOON, NOON - week)
    assert store.uploads.noted(digest, "ann", NOON)
    assert not store.uploads.noted(digest, "ann", NOON + timedelta(seconds=1))
    assert not store.uploads.noted(digest, "ben", NOON)
    assert not store.uploads.noted("b" * 64, "ann", NOON)
    store.uploads.note(digest, "ann", NOON + week, NOON)
    assert store.uploads.noted(digest, "ann", NOON + week)
    store.uploads.note("c" * 64, "ben", NOON + 3 * week, NOON + 2 * week)
    assert not store.uploads.noted(digest, "ann", NOON)


def test_a_file_that_is_sent_twice_at_once_is_noted(store: Store) -> None:
    def note(_: int) -> None:
        store.uploads.note("a" * 64, "ann", NOON, NOON)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(16)))
    assert store.uploads.noted("a" * 64, "ann", NOON)


def test_a_release_swaps_what_is_current(filled: Store) -> None:
    following = release(2, Setting(2, (1,)))
    filled.deployments.release(following, entry())
    found = filled.deployments.find("credit")
    assert found is not None
    assert found.current == following
    assert filled.deployments.history("credit") == (release(1, Setting(1)), following)
    newest = filled.deployments.releases("credit", Paging(limit=1))
    assert newest.items == (following,)
    older = filled.deployments.releases("credit", Paging(1, newest.next_cursor))
    assert older.items == (release(1, Setting(1)),)


def test_a_policy_comes_back_as_it_went_in(filled: Store) -> None:
    rule = GuardRule(GuardAction.OVERRIDE, "no")
    guards = Guards(rule, GuardRule(GuardAction.FLAG), ConfidenceRule(0.75, rule))
    policy = Policy(Durability.RELAXED, TypePolicy.BEST_EFFORT, guards)
    following = release(2, Setting(1, (), policy))
    filled.deployments.release(following, entry())
    first, second = filled.deployments.history("credit")
    assert (first.setting.policy, second) == (Policy(), following)
    (served,) = filled.state.state().deployments
    assert served.deployment.current.setting.policy == policy


@pytest.mark.parametrize("number", [1, 3])
def test_a_release_that_does_not_follow_the_current_one_changes_nothing(
    filled: Store, number: int
) -> None:
    before = filled.state.state()
    with pytest.raises(StaleReleaseError):
        filled.deployments.release(release(number, Setting(2)), entry())
    assert filled.state.state() == before


def test_of_many_at_once_one_release_wins(filled: Store) -> None:
    def attempt(by: int) -> bool:
        try:
            filled.deployments.release(replace(release(2, Setting(2)), reason=str(by)), entry())
        except StaleReleaseError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1
    assert len(filled.deployments.history("credit")) == 2


def test_changes_at_once_are_all_numbered_and_audited(filled: Store) -> None:
    before = filled.state.sequence()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: filled.catalogue.add_version(draft(), entry()), range(16)))
    assert sorted(version.number for version in made) == list(range(4, 20))
    trail = filled.state.trail(Paging(limit=16)).items
    assert [recorded.sequence for recorded in trail] == list(range(before + 16, before, -1))


def test_a_deleted_name_is_used_again_and_its_numbers_go_on(filled: Store) -> None:
    found = filled.deployments.find("credit")
    assert found is not None
    filled.keys.add(key("abcdefgh", Reach(deployment="credit")), entry())
    filled.keys.add(key("ijklmnop"), entry())
    filled.deployments.delete(found, entry(Action.DELETE_DEPLOYMENT))
    assert filled.deployments.find("credit") is None
    assert filled.deployments.history("credit") == ()
    assert [held.id for held in filled.state.state().keys] == ["ijklmnop"]
    again = filled.deployments.add(deployment(), entry())
    assert again.current.number == 2
    assert [held.number for held in filled.deployments.history("credit")] == [2]


def test_a_stale_deletion_is_refused(filled: Store) -> None:
    found = filled.deployments.find("credit")
    assert found is not None
    filled.deployments.release(release(2, Setting(2)), entry())
    with pytest.raises(StaleReleaseError):
        filled.deployments.delete(found, entry())


def test_deployments_come_by_name_within_reach(filled: Store) -> None:
    filled.deployments.add(deployment("basket", project="shop", model="basket"), entry())
    pages: dict[str, Reach] = {
        "basket credit": Reach(),
        "basket": Reach(project="shop"),
        "credit": Reach(deployment="credit"),
        "": Reach(deployment="credit", project="shop"),
    }
    for expected, reach in pages.items():
        assert names(filled.deployments.page([reach], Paging())) == expected.split()


def test_a_keys_limits_and_last_use_are_kept(filled: Store) -> None:
    limits = Limits(requests_per_second=2.5, burst=10, predictions_per_day=1_000)
    filled.keys.add(replace(key("aaaaaaaa"), limits=limits), entry())
    sequence = filled.state.sequence()
    filled.keys.note_use({"aaaaaaaa": NOON, "unknown0": NOON})
    filled.keys.note_use({"aaaaaaaa": NOON - timedelta(days=1)})
    found = filled.keys.find("aaaaaaaa")
    assert found is not None
    assert found.limits == limits
    assert found.last_used_at == NOON
    assert filled.state.sequence() == sequence


def job(job_id: str, owner: str = "ann", project: str = "bank") -> Job:
    return Job(job_id, "version.register", owner, project, NOON, NOON)


def test_a_job_is_told_of_until_it_ends(store: Store) -> None:
    begun, sequence = job("1"), store.state.sequence()
    store.jobs.add(begun, NOON - timedelta(days=7))
    running = replace(begun, state=JobState.RUNNING, step="looking", progress=0.25)
    store.jobs.tell(running)
    assert store.jobs.find("1") == running
    later = NOON + timedelta(minutes=1)
    store.jobs.beat(["1"], later)
    found = store.jobs.find("1")
    assert found == replace(running, heard_at=later)
    ended = replace(found, state=JobState.FAILED, problem={"code": "x"}, ended_at=later)
    store.jobs.tell(ended)
    store.jobs.beat(["1"], later + timedelta(minutes=1))
    assert store.jobs.find("1") == ended
    assert store.jobs.find("2") is None
    assert store.state.sequence() == sequence


def test_jobs_come_newest_first_by_owner_and_reach_and_are_forgotten(store: Store) -> None:
    owners = {"1": ("ann", "bank"), "2": ("bob", "bank"), "3": ("bob", "shop")}
    for job_id, (owner, project) in owners.items():
        store.jobs.add(job(job_id, owner, project), NOON - timedelta(days=7))

    def ids(owner: str, *reaches: Reach, paging: Paging | None = None) -> str:
        found = store.jobs.page(owner, reaches, paging or Paging())
        return "".join(each.id for each in found.items)

    assert ids("ann") == "1"
    assert ids("ann", Reach(project="shop")) == "31"
    assert ids("eve", Reach()) == "321"
    assert ids("eve", Reach(), paging=Paging(1, "3")) == "2"
    store.jobs.add(job("4"), NOON + timedelta(seconds=1))
    assert ids("eve", Reach()) == "4"


def test_a_reply_is_begun_once_and_given_again(store: Store) -> None:
    replies, begun = store.replies, Begun("r" * 64, NOON)
    assert replies.begin("a" * 64, begun, NOON - timedelta(days=1)) is None
    assert replies.begin("a" * 64, begun, NOON - timedelta(days=1)) == begun
    later = NOON + timedelta(minutes=1)
    assert replies.take_over("a" * 64, begun, later)
    assert not replies.take_over("a" * 64, begun, later)
    replies.end("a" * 64, 201, b"sealed")
    ended = replace(begun, at=later, status=201, sealed=b"sealed")
    assert replies.begin("a" * 64, begun, NOON - timedelta(days=1)) == ended
    assert not replies.take_over("a" * 64, ended, later)


def test_replies_are_forgotten(store: Store) -> None:
    replies, begun = store.replies, Begun("r" * 64, NOON)
    assert replies.begin("a" * 64, begun, NOON - timedelta(days=1)) is None
    assert replies.begin("b" * 64, begun, NOON - timedelta(days=1)) is None
    replies.forget("a" * 64)
    assert replies.begin("a" * 64, begun, NOON - timedelta(days=1)) is None
    tomorrow = replace(begun, at=NOON + timedelta(days=2))
    assert replies.begin("b" * 64, tomorrow, NOON + timedelta(days=1)) is None


def test_keys_that_open_a_deployment_are_told(filled: Store) -> None:
    reaches = (
        Reach(deployment="credit"),
        Reach(project="bank"),
        Reach(project="shop"),
        Reach(),
        Reach(deployment="other"),
        Reach("credit", "bank"),
    )
    for place, reach in enumerate(reaches):
        filled.keys.add(key(f"aaaaaaa{place}", reach), entry())
    credit = filled.deployments.find("credit")
    assert credit is not None

    def told(*reach: Reach, paging: Paging | None = None) -> str:
        found = filled.keys.opening(credit, reach, paging or Paging())
        return "".join(held.id[-1] for held in found.items)

    assert told(Reach()) == "0135"
    assert told(Reach(project="bank")) == "015"
    assert told(Reach(deployment="credit")) == "05"
    assert told(Reach(project="shop")) == ""
    assert told() == ""
    assert told(Reach(), paging=Paging(2, "aaaaaaa0")) == "13"


def test_keys_come_within_reach_and_go(filled: Store) -> None:
    reaches = (Reach(), Reach(project="bank"), Reach(deployment="credit"), Reach(project="shop"))
    for place, reach in enumerate(reaches):
        filled.keys.add(key(f"aaaaaaa{place}", reach), entry())

    def ids(reach: Reach) -> str:
        return "".join(held.id[-1] for held in filled.keys.page([reach], Paging()).items)

    assert ids(Reach()) == "0123"
    assert ids(Reach(project="bank")) == "12"
    assert ids(Reach(deployment="credit")) == "2"
    both = filled.keys.page([Reach(project="shop"), Reach(deployment="credit")], Paging())
    assert "".join(held.id[-1] for held in both.items) == "23"
    assert not filled.keys.page([], Paging()).items
    filled.keys.revoke("aaaaaaa0", entry())
    revoked = filled.keys.find("aaaaaaa0")
    assert revoked is not None
    assert revoked.revoked_at == NOON
    assert [held.id[-1] for held in filled.state.state().keys] == ["1", "2", "3"]
    filled.keys.revoke("aaaaaaa0", replace(entry(), at=NOON + timedelta(hours=1)))
    assert filled.keys.find("aaaaaaa0") == revoked


def test_what_was_done_to_the_keys_of_a_deployment_is_had_at_once(filled: Store) -> None:
    """Of those that were issued for it in some time, and of nothing else."""
    risk = Reach("risk")
    held = (("aaaaaaa0", risk, 0), ("aaaaaaa1", risk, 2), ("aaaaaaa2", Reach(), 1))
    for key_id, reach, hours in held:
        at = NOON + timedelta(hours=hours)
        issued = replace(entry(Action.ISSUE_KEY, key_id), at=at)
        filled.keys.add(replace(key(key_id, reach), created_at=at), issued)
    revoked = replace(entry(Action.REVOKE_KEY, "aaaaaaa0"), at=NOON + timedelta(hours=9))
    filled.keys.revoke("aaaaaaa0", revoked)
    changes = frozenset({Action.ISSUE_KEY, Action.REVOKE_KEY})
    first = Wanted(changes, keys=KeysOf("risk", NOON, NOON + timedelta(hours=2)), most=1)
    assert [one.entry for one in filled.state.entries(first)] == [revoked]
    assert filled.state.count(first) == 2
    each = filled.state.entries(Wanted(changes, keys=KeysOf("risk", NOON, None)))
    assert [one.entry.subject for one in each] == ["aaaaaaa0", "aaaaaaa1", "aaaaaaa0"]
    assert filled.state.count(Wanted(changes, until=NOON)) == 0


def test_every_change_moves_the_sequence_by_one_and_is_in_the_trail(filled: Store) -> None:
    before = filled.state.sequence()
    written = entry(Action.ISSUE_KEY, "abcdefgh")
    filled.keys.add(key(), written)
    assert filled.state.sequence() == before + 1
    newest = filled.state.trail(Paging(limit=1))
    assert newest.items[0].sequence == before + 1
    assert newest.items[0].entry == written
    older = filled.state.trail(Paging(1, newest.next_cursor))
    assert older.items[0].sequence == before


@pytest.mark.parametrize("action", sorted(UNFOLLOWED))
def test_what_followers_need_not_know_leaves_the_snapshots_number(
    filled: Store, action: Action
) -> None:
    """It has a number of its own in the trail, as every change has."""
    filled.keys.add(key(), entry(Action.ISSUE_KEY, "abcdefgh"))
    before = filled.state.state()
    filled.catalogue.add_project(Project("third", "", NOON), entry(action))
    assert filled.state.state() == before
    assert filled.state.sequence() == before.sequence
    (newest,) = filled.state.trail(Paging(limit=1)).items
    assert (newest.sequence, newest.entry.action) == (before.sequence + 1, action)
    filled.keys.revoke("abcdefgh", entry(Action.REVOKE_KEY, "abcdefgh"))
    assert filled.state.sequence() == before.sequence + 2


def test_the_state_is_whole(filled: Store) -> None:
    filled.deployments.release(release(2, Setting(2, (1,))), entry())
    state = filled.state.state()
    (served,) = state.deployments
    assert state.sequence == filled.state.sequence()
    assert served.deployment.current.number == 2
    assert [held.number for held in served.history] == [1, 2]
    assert set(served.versions) == {1, 2, 3}


def test_another_configuration_is_a_change_and_the_same_is_none(store: Store) -> None:
    configuration = Configuration(
        (InstallationKey("admin0001", "e" * 64, (Scope.ADMIN,)),), ("sklearn.tree.Tree",)
    )
    before = store.state.sequence()
    assert store.state.configuration() == Configuration()
    assert store.state.configure(configuration, entry(Action.CONFIGURE))
    assert store.state.configuration() == configuration
    assert not store.state.configure(configuration, entry(Action.CONFIGURE))
    assert store.state.sequence() == before + 1
    store.state.verify()


def said(instance: str, release: int) -> FollowerReport:
    serving = Component.SERVING
    return FollowerReport(instance=instance, component=serving, releases={"credit": release})


def test_the_last_report_of_each_process_is_heard(store: Store) -> None:
    keep, heard = store.followers.keep, store.followers.heard
    later = NOON + timedelta(seconds=30)
    keep(said("a", 1), NOON, NOON)
    keep(said("b", 1), NOON, NOON)
    keep(said("a", 2), later, NOON)
    assert heard(NOON, 10) == [(later, said("a", 2)), (NOON, said("b", 1))]
    assert heard(later, 10) == heard(NOON, 1) == [(later, said("a", 2))]
    keep(said("c", 3), later, later)
    assert {report.instance for _, report in heard(NOON, 10)} == {"a", "c"}


def test_a_process_may_report_to_several_replicas_at_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.followers.keep(said("a", number), NOON, NOON), range(8)))
    assert [report.instance for _, report in store.followers.heard(NOON, 10)] == ["a"]


def test_versions_are_counted_by_state(filled: Store) -> None:
    assert dict(filled.state.state().versions) == {VersionState.PENDING: 3}
    assert filled.state.state().backed_up_at is None
