"""What containers are given: drawn once, each its own, and nothing that it does not need."""

import json
import stat
from hashlib import sha256
from pathlib import Path
from string import Template

import pytest

from understudy.launch.installation import Database, Folder, Objects, draw, folders, write
from understudy.runtime.keys import parse_key

USERS = Template("operator #$operator\nserving #$serving\n$challenger $monitor")


def test_it_is_drawn_once(tmp_path: Path) -> None:
    first = draw(tmp_path)
    assert draw(tmp_path) == first
    assert draw(tmp_path / "other").passwords != first.passwords
    for path in tmp_path.glob("*.password"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_machines_keys_are_known_to_the_registry(tmp_path: Path) -> None:
    given = folders(draw(tmp_path), USERS)
    known = given["registry"].files
    for name in ("serving", "challenger", "monitor"):
        assert given[name].files["understudy_service_key"] == known["understudy_service_key"]
    assert given["monitor"].files["understudy_monitor_key"] == known["understudy_monitor_key"]
    assert given["prometheus"].files == {"metrics_key": known["understudy_metrics_key"]}
    assert given["alertmanager"].files == {"alert_key": known["understudy_alert_key"]}
    assert given["example"].files == {"admin.key": known["understudy_admin_key"]}
    assert all(parse_key(key) for name, key in known.items() if name.endswith("_key"))
    knowing = [name for name, told in given.items() if "understudy_token_secret" in told.files]
    assert knowing == ["registry"]


def test_redis_is_told_digests_and_each_service_its_own_password(tmp_path: Path) -> None:
    drawn = draw(tmp_path)
    given = folders(drawn, USERS)
    password = drawn.passwords["redis-serving"]
    assert given["serving"].files["understudy_redis_url"] == (
        f"redis://serving:{password}@redis:6379/0"
    )
    users = given["redis"].files["users.acl"]
    assert f"serving #{sha256(password.encode()).hexdigest()}" in users
    assert not any(drawn.passwords[f"redis-{name}"] in users for name in ("serving", "monitor"))
    urls = {given[name].files["understudy_redis_url"] for name in ("challenger", "monitor")}
    assert len(urls) == 2
    assert not any(password in url for url in urls)


def test_files_are_the_stores_unless_told_otherwise(tmp_path: Path) -> None:
    given = folders(draw(tmp_path), USERS)
    for name in ("registry", "monitor"):
        assert not [file for file in given[name].files if "url" in file and "redis" not in file]


def test_databases_are_made_for_whom_they_are_given(tmp_path: Path) -> None:
    given = folders(draw(tmp_path), USERS, Database.POSTGRES)
    made, told = (given["postgres"].files[f"{name}.sql"] for name in ("databases", "passwords"))
    for name, file in (
        ("registry", "understudy_database_url"),
        ("monitor", "understudy_monitor_outcomes_url"),
    ):
        url = given[name].files[file]
        password = url.removeprefix(f"postgresql+psycopg://{name}:").partition("@")[0]
        assert f"CREATE ROLE {name} LOGIN;" in made
        assert f"ALTER ROLE {name} PASSWORD '{password}';" in told
        assert url.endswith(f"@postgres:5432/{name}")


def test_a_bucket_is_for_one_service(tmp_path: Path) -> None:
    given = folders(draw(tmp_path), USERS, objects=Objects.S3)
    identities = json.loads(given["objects"].files["s3.json"])["identities"]
    for one in identities:
        (pair,) = one["credentials"]
        credentials = given[one["name"]].files["aws_credentials"]
        assert f"aws_access_key_id = {pair['accessKey']}\n" in credentials
        assert credentials.endswith(pair["secretKey"])
        assert all(action.endswith(f":{one['name']}") for action in one["actions"])
    assert given["registry"].files["understudy_artifacts_url"].startswith("s3://registry/")
    assert given["monitor"].files["understudy_monitor_archive_url"].startswith("s3://monitor/")


def test_folders_hold_what_is_wanted_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, {"one": Folder({"kept": "1", "gone": "2"}), "two": Folder({"all": "3"}, 0o444)})
    write(tmp_path, {"one": Folder({"kept": "4"})})
    assert {path.name: path.read_text() for path in (tmp_path / "one").iterdir()} == {"kept": "4\n"}
    assert stat.S_IMODE((tmp_path / "one" / "kept").stat().st_mode) == 0o400
    assert stat.S_IMODE((tmp_path / "two" / "all").stat().st_mode) == 0o444


def test_rights_on_lines_of_their_own_are_one_line_to_redis(tmp_path: Path) -> None:
    users = Template("user $serving\n  (+get)\n  (+set)\nuser $monitor\n")
    found = folders(draw(tmp_path), users)["redis"].files["users.acl"].splitlines()
    assert [line.split(maxsplit=2)[2:] for line in found] == [["(+get) (+set)"], []]


@pytest.mark.parametrize("template", ["$nobody", "$"])
def test_a_template_that_is_wrong_is_not_used(tmp_path: Path, template: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        folders(draw(tmp_path), Template(template))
