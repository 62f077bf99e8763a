"""What is let go when memory is short: former mains first, then what is unused for longest."""

from services.serving.domain.memory import Held, surplus


def held(key: str, size: int, used_at: float, *, answers: bool = True) -> Held:
    return Held(key, size, used_at, answers)


def test_nothing_goes_while_there_is_room() -> None:
    assert surplus([held("a", 5, 1.0), held("b", 5, 2.0)], 10) == []


def test_former_mains_go_before_mains_however_fresh() -> None:
    former = held("former", 5, 9.0, answers=False)
    assert surplus([held("a", 5, 1.0), former, held("b", 5, 2.0)], 10) == [former]


def test_the_least_recently_used_go_until_the_rest_fits() -> None:
    models = [held("a", 4, 3.0), held("b", 4, 1.0), held("c", 4, 2.0)]
    assert [found.key for found in surplus(models, 5)] == ["b", "c"]


def test_what_somebody_waits_for_stays_though_it_alone_is_too_much() -> None:
    models = [held("a", 4, 3.0), held("big", 40, 1.0)]
    assert [found.key for found in surplus(models, 5, spared="big")] == ["a"]
