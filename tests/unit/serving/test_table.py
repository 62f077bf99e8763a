from dataclasses import replace

from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Deployment, Live, Table
from tests.fakes.serving import FLOWERS
from understudy.contracts.vocabulary import AccessLevel
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


class NoRunner:
    def score(self, rows: Rows) -> Scored:
        raise NotImplementedError


def live(release: int) -> Live:
    main = Loaded(release, FLOWERS, Plan(FLOWERS), NoRunner(), Cost(0.0, 0.0))
    return Live(release, main, challengers=())


def wanted(release: int, name: str = "a", model: str = "m") -> Deployment:
    return Deployment(name, "p", model, AccessLevel.PROJECT, "", release)


def test_a_wanted_release_answers_with_the_old_one_until_it_is_live() -> None:
    table = Table().having(replace(wanted(1), live=live(1)))
    later = table.wanted([wanted(2), wanted(1, "b")])
    assert later.releases == {"a": 1}
    assert not next(iter(later)).current
    assert later.having(replace(wanted(2), live=live(2))).releases == {"a": 2}


def test_access_changes_hold_at_once() -> None:
    table = Table().having(replace(wanted(1), live=live(1)))
    opened = replace(wanted(2), access=AccessLevel.PUBLIC)
    found = table.wanted([opened]).find("a")
    assert found is not None
    assert found.access is AccessLevel.PUBLIC
    assert found.live is not None


def test_a_deployment_that_is_not_wanted_any_more_is_gone() -> None:
    assert Table().having(wanted(1)).wanted([]).find("a") is None


def test_a_deployment_made_anew_for_another_model_inherits_nothing() -> None:
    table = Table().having(replace(wanted(1), live=live(1)))
    assert table.wanted([wanted(1, model="other")]).releases == {}


def test_a_failure_belongs_to_its_release() -> None:
    table = Table().having(replace(wanted(2), failure="broken"))
    assert table.wanted([wanted(2)]).failures == {"a": "broken"}
    assert table.wanted([wanted(3)]).failures == {}
