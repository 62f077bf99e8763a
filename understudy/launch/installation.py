"""What an installation in containers is given: keys and passwords, a folder for each container.

`python -m understudy.launch.installation --users FILE [--database …] [--objects …]` draws what is
not there yet and writes the folders anew, so that it may be run at every start.
"""

import argparse
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Final

from understudy.launch.secrets import Secrets, load_secrets

REDIS_USERS: Final = ("operator", "serving", "challenger", "monitor")
_POSTGRES_ROLES: Final = {"postgres": "owner", "registry": "registry", "monitor": "monitor"}
_PASSWORDS: Final = (
    *(f"redis-{user}" for user in REDIS_USERS),
    *(f"postgres-{user}" for user in _POSTGRES_ROLES.values()),
    *("s3-registry", "s3-monitor", "grafana"),
)
_S3_ENDPOINT: Final = "http://objects:8333"
_OWNER_ALONE: Final = 0o400
# Others' images run under users of their own; nothing but the one container sees its folder.
_WHOEVER_RUNS: Final = 0o444


class Database(StrEnum):
    """Where the registry keeps its tables and the monitor its outcomes."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Objects(StrEnum):
    """Where artifacts, the archive and reports are kept."""

    FILES = "files"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Everything that was drawn for an installation."""

    keys: Secrets
    passwords: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Folder:
    """What one container finds below `/run/secrets`."""

    files: Mapping[str, str]
    mode: int = _OWNER_ALONE


def draw(folder: Path) -> Drawn:
    """What is kept in `folder`; what is not there yet is drawn."""
    keys = load_secrets(folder)
    return Drawn(keys, {name: _password(folder / f"{name}.password") for name in _PASSWORDS})


def folders(
    drawn: Drawn,
    users: Template,
    database: Database = Database.SQLITE,
    objects: Objects = Objects.FILES,
) -> Mapping[str, Folder]:
    """By container; settings of ours are files named after them."""
    keys, passwords = drawn.keys, drawn.passwords
    follower = {"understudy_service_key": keys.service_key}
    registry = {
        "understudy_admin_key": keys.admin_key,
        "understudy_service_key": keys.service_key,
        "understudy_monitor_key": keys.monitor_key,
        "understudy_metrics_key": keys.metrics_key,
        "understudy_alert_key": keys.alert_key,
        "understudy_token_secret": keys.token_secret,
    }
    monitor = {
        **follower,
        "understudy_monitor_key": keys.monitor_key,
        "understudy_redis_url": _redis_url(passwords, "monitor"),
    }
    if database is Database.POSTGRES:
        registry["understudy_database_url"] = _postgres_url(passwords, "registry")
        monitor["understudy_monitor_outcomes_url"] = _postgres_url(passwords, "monitor")
    if objects is Objects.S3:
        registry |= _s3(passwords, "registry")
        registry["understudy_artifacts_url"] = "s3://registry/artifacts"
        monitor |= _s3(passwords, "monitor")
        monitor["understudy_monitor_archive_url"] = "s3://monitor/archive"
        monitor["understudy_monitor_reports_url"] = "s3://monitor/reports"
    return {
        "registry": Folder(registry),
        "serving": Folder({**follower, "understudy_redis_url": _redis_url(passwords, "serving")}),
        "challenger": Folder(
            {**follower, "understudy_redis_url": _redis_url(passwords, "challenger")}
        ),
        "monitor": Folder(monitor),
        "example": Folder({"admin.key": keys.admin_key}),
        "redis": Folder(
            {"users.acl": _users(passwords, users), "operator": passwords["redis-operator"]}
        ),
        "prometheus": Folder({"metrics_key": keys.metrics_key}, _WHOEVER_RUNS),
        "alertmanager": Folder({"alert_key": keys.alert_key}, _WHOEVER_RUNS),
        "grafana": Folder({"admin_password": passwords["grafana"]}, _WHOEVER_RUNS),
        "postgres": Folder(_postgres(passwords), _WHOEVER_RUNS),
        "objects": Folder({"s3.json": _s3_identities(passwords)}, _WHOEVER_RUNS),
    }


def write(root: Path, wanted: Mapping[str, Folder]) -> None:
    """Have below `root` what is wanted and no other file, each file whole at any moment."""
    for name, folder in wanted.items():
        place = root / name
        place.mkdir(parents=True, exist_ok=True)
        for file, content in folder.files.items():
            _replace(place / file, content, folder.mode)
        for found in place.iterdir():
            if found.name not in folder.files:
                found.unlink()


def main() -> None:
    """Draw, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True, help="what was drawn")
    parser.add_argument("--folders", type=Path, required=True, help="one for each container")
    parser.add_argument("--users", type=Path, required=True, help="Redis's users, a template")
    parser.add_argument("--database", type=Database, default=Database.SQLITE, choices=Database)
    parser.add_argument("--objects", type=Objects, default=Objects.FILES, choices=Objects)
    told = parser.parse_args()
    users = Template(told.users.read_text())
    write(told.folders, folders(draw(told.kept), users, told.database, told.objects))


def _password(path: Path) -> str:
    if not path.exists():
        _replace(path, secrets.token_urlsafe(32), _OWNER_ALONE)
    return path.read_text().strip()


def _replace(path: Path, content: str, mode: int) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content + "\n")
    draft.chmod(mode)
    draft.replace(path)


def _users(passwords: Mapping[str, str], users: Template) -> str:
    digests = {
        user: sha256(passwords[f"redis-{user}"].encode()).hexdigest() for user in REDIS_USERS
    }
    # In the template a user's further rights may stand on lines of their own; Redis wants one.
    return re.sub(r"\n\s+", " ", users.substitute(digests).rstrip())


def _redis_url(passwords: Mapping[str, str], user: str) -> str:
    return f"redis://{user}:{passwords[f'redis-{user}']}@redis:6379/0"


def _postgres_url(passwords: Mapping[str, str], user: str) -> str:
    return f"postgresql+psycopg://{user}:{passwords[f'postgres-{user}']}@postgres:5432/{user}"


def _postgres(passwords: Mapping[str, str]) -> dict[str, str]:
    # Passwords come with the second file, which is run again when they were drawn anew.
    made = [
        f"CREATE ROLE {user} LOGIN;\n"
        # Whatever the server's own: psycopg gives no text from SQL_ASCII, and indexes ordered by C
        # outlive a change of the system's collations.
        f"CREATE DATABASE {user} OWNER {user} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';\n"
        f"REVOKE CONNECT ON DATABASE {user} FROM PUBLIC;"
        for user in ("registry", "monitor")
    ]
    # Drawn passwords hold no quotes.
    told = [
        f"ALTER ROLE {role} PASSWORD '{passwords[f'postgres-{user}']}';"
        for role, user in _POSTGRES_ROLES.items()
    ]
    return {
        "password": passwords["postgres-owner"],
        "databases.sql": "\n".join(made),
        "passwords.sql": "\n".join(told),
    }


def _s3(passwords: Mapping[str, str], user: str) -> dict[str, str]:
    """Files of the usual form, for `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`."""
    return {
        "aws_credentials": (
            f"[default]\naws_access_key_id = {user}\n"
            f"aws_secret_access_key = {passwords[f's3-{user}']}"
        ),
        "aws_config": (
            f"[default]\nregion = us-east-1\nendpoint_url = {_S3_ENDPOINT}\n"
            "s3 =\n  addressing_style = path"
        ),
    }


def _s3_identities(passwords: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "identities": [
                {
                    "name": user,
                    "credentials": [{"accessKey": user, "secretKey": passwords[f"s3-{user}"]}],
                    "actions": [f"{deed}:{user}" for deed in ("Admin", "Read", "Write", "List")],
                }
                for user in ("registry", "monitor")
            ]
        }
    )


if __name__ == "__main__":
    main()
