import json
import shlex
from pathlib import Path

from rich.console import Console

from understudy.cli.addresses import Addresses
from understudy.cli.welcome import LoadedExample, curl, welcome

EXAMPLE = LoadedExample(
    deployment="credit-risk",
    key="us_key",
    example_row={"purpose": "car's", "age": 41},
    forms={"iris": "http://127.0.0.1:8700/iris/form"},
)


def shown(state_dir: Path, *, nobody: bool = False) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(welcome(Addresses(), state_dir, 12.3, nobody=nobody), soft_wrap=True)
    return capture.get()


def test_the_line_to_copy_survives_the_shell() -> None:
    words = shlex.split(curl("http://127.0.0.1:8700", EXAMPLE))
    assert words[1] == "http://127.0.0.1:8700/v1/deployments/credit-risk/predict"
    assert "Authorization: Bearer us_key" in words
    assert json.loads(words[-1]) == EXAMPLE.example_row


def test_with_an_example_it_names_forms_key_and_next_steps(tmp_path: Path) -> None:
    (tmp_path / "example.json").write_text(EXAMPLE.model_dump_json())
    page = shown(tmp_path)
    assert "http://127.0.0.1:8700/iris/form" in page
    assert "us_key" in page
    assert "understudy promote credit-risk" in page
    assert "up after 12 s" in page


def test_without_an_example_it_says_how_to_begin(tmp_path: Path) -> None:
    page = shown(tmp_path)
    assert "understudy register --help" in page
    assert "curl" not in page


def test_the_first_administrator_is_made_by_a_command(tmp_path: Path) -> None:
    command = "understudy users create <you> --admin"
    assert command in shown(tmp_path, nobody=True)
    assert command not in shown(tmp_path)
    (tmp_path / "example.json").write_text(EXAMPLE.model_dump_json())
    assert command in shown(tmp_path, nobody=True)


def test_addresses_are_found_again(tmp_path: Path) -> None:
    there = Addresses(serving_url="http://127.0.0.1:9000")
    there.write(tmp_path)
    assert Addresses.read(tmp_path) == there
    assert Addresses.read(tmp_path / "nowhere") == Addresses()
