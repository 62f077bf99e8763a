import os
import socket
from pathlib import Path

import pytest

from tests.conftest import free_port
from understudy.launch.errors import LaunchError
from understudy.launch.lock import state_lock
from understudy.launch.plan import PortUse
from understudy.launch.ports import PortTakenError, check_ports

HOST = "127.0.0.1"


def test_free_ports_pass() -> None:
    check_ports(HOST, [PortUse(free_port(), "serving", "UNDERSTUDY_SERVING_PORT")])


def test_a_taken_port_is_named_with_its_holder_and_its_setting() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            check_ports(HOST, [PortUse(port, "serving", "UNDERSTUDY_SERVING_PORT")])
    message = str(caught.value)
    assert f"Port {port}, meant for serving, is taken" in message
    assert f"process {os.getpid()}" in message
    assert "UNDERSTUDY_SERVING_PORT=" in message


def test_two_settings_with_one_port_are_named() -> None:
    uses = [PortUse(9000, "a", "UNDERSTUDY_A_PORT"), PortUse(9000, "b", "UNDERSTUDY_B_PORT")]
    with pytest.raises(LaunchError, match="UNDERSTUDY_A_PORT and UNDERSTUDY_B_PORT both say 9000"):
        check_ports(HOST, uses)


def test_an_address_that_is_not_ours_is_named() -> None:
    use = PortUse(free_port(), "serving", "UNDERSTUDY_SERVING_PORT")
    with pytest.raises(LaunchError, match=r"UNDERSTUDY_HOST=192\.0\.2\.1"):
        check_ports("192.0.2.1", [use])


def test_a_folder_has_one_launcher(tmp_path: Path) -> None:
    with (
        state_lock(tmp_path),
        pytest.raises(LaunchError, match=f"process {os.getpid()}"),
        state_lock(tmp_path),
    ):
        pass
    with state_lock(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError, match="UNDERSTUDY_STATE_DIR"), state_lock(tmp_path / "file"):
        pass
