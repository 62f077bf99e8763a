from pathlib import Path

from understudy.launch.secrets import load_secrets
from understudy.runtime.keys import parse_key


def test_keys_are_drawn_once_and_found_again(tmp_path: Path) -> None:
    first = load_secrets(tmp_path / "secrets")
    assert load_secrets(tmp_path / "secrets") == first
    machines = (first.service_key, first.monitor_key, first.metrics_key, first.alert_key)
    keys = {first.admin_key, *machines}
    assert len(keys) == 5
    assert all(parse_key(key) for key in keys)
    assert len(first.token_secret) >= 32
    assert load_secrets(tmp_path / "others").token_secret != first.token_secret


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    load_secrets(tmp_path / "secrets")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
