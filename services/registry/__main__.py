"""`python -m services.registry`: serves, or does one thing to the registry's data and ends.

Settings are read from the environment, for each command alike.
"""

import argparse
import re
import sys
from typing import Final

from pydantic import ValidationError

from services.registry.commands.administering import create_admin
from services.registry.commands.backing_up import back_up, list_backups, restore
from services.registry.commands.migrating import migrate
from services.registry.commands.serving import serve
from services.registry.commands.telling import complain, quieten
from services.registry.commands.verifying import verify
from services.registry.domain.backups import BackupPublishedError, FolderUnsupportedError
from services.registry.domain.chain import Head
from services.registry.domain.errors import DatabaseSilentError, DatabaseUnusableError
from services.registry.domain.verifying import Noted
from services.registry.settings import RegistrySettings
from understudy.contracts.refusals import Refusal

_FAILED: Final = 1
_WRONG: Final = 2
_PUBLISHED: Final = 3
_EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 refused or failed, and nothing was changed, or what was verified is "
    "broken; 2 wrong arguments or settings, or what the registry needs at its start is not there; "
    "3 the backup is published, but noting it or removing older ones failed."
)
_URL: Final = "folder, as fsspec opens it: /mnt/backups, s3://bucket/registry, …"


def main() -> None:
    """Do what the command line says; exit as `--help` tells."""
    stated = _parser().parse_args()
    try:
        settings = RegistrySettings()
    except ValidationError as error:
        complain(_complaint(error))
        sys.exit(_WRONG)
    except NotADirectoryError as error:
        complain(str(error))
        sys.exit(_WRONG)
    if stated.command in {None, "serve"}:
        sys.exit(serve(settings))
    quieten(settings.log_level)
    try:
        _run(settings, stated)
    except (DatabaseUnusableError, FolderUnsupportedError) as refusal:
        complain(refusal.detail)
        sys.exit(_WRONG)
    except DatabaseSilentError as refusal:
        complain(f"The database at {refusal.place} does not answer: {refusal.reason}")
        sys.exit(_FAILED)
    except BackupPublishedError as refusal:
        complain(refusal.detail)
        sys.exit(_PUBLISHED)
    except Refusal as refusal:
        complain(refusal.detail)
        sys.exit(_FAILED)
    except OSError as error:
        complain(f"{type(error).__name__}: {error}")
        sys.exit(_FAILED)


def _run(settings: RegistrySettings, stated: argparse.Namespace) -> None:
    match stated.command:
        case "admin":
            create_admin(
                settings,
                stated.name,
                stated.output,
                stdin=stated.password_stdin,
                another=stated.another,
            )
        case "migrate":
            migrate(settings, stated.output)
        case "verify":
            verify(settings, Noted(stated.head, stated.expect), stated.output)
        case "backup":
            back_up(settings, stated.url, stated.keep, stated.output)
        case "restore" if stated.list:
            list_backups(settings, stated.url, stated.output)
        case _:
            restore(settings, stated.url, stated.backup, stated.output, force=stated.force)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m services.registry", description="The registry.", epilog=_EXIT_CODES
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("serve", help="serve until SIGTERM (the default)")
    told = argparse.ArgumentParser(add_help=False)
    told.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="form of the result"
    )
    commands.add_parser(
        "migrate", parents=[told], help="bring the database's tables up to date, under a lock"
    )
    _add_verify(commands.add_parser("verify", parents=[told], help="walk the audit trail's chain"))
    backup = commands.add_parser(
        "backup", parents=[told], help="publish a backup of all tables and artifacts"
    )
    backup.add_argument("url", type=_place, metavar="URL", help=_URL)
    backup.add_argument(
        "--keep", type=_positive, metavar="N", help="remove all but the newest N afterwards"
    )
    _add_restore(commands.add_parser("restore", parents=[told], help="put a backup back"))
    admin = commands.add_parser("admin", help="make the first administrator")
    _add_create(admin.add_subparsers(metavar="COMMAND", required=True), told)
    return parser


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Reads the database, beside a registry that runs or without one, and changes nothing. "
        "Backups' manifests and the log lines of changes tell what to compare with."
    )
    parser.add_argument(
        "--head",
        type=_digest,
        metavar="HASH",
        help="a hash that was noted: some entry must have it",
    )
    parser.add_argument(
        "--expect", type=_head, metavar="SEQUENCE:HASH", help="what was noted of one entry"
    )


def _add_restore(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Replaces all tables in one transaction, after every file was verified; artifacts are "
        "added. Stop the registry first."
    )
    parser.add_argument("url", type=_place, metavar="URL", help=_URL)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--backup", metavar="NAME", help="which one; the newest by default")
    which.add_argument("--list", action="store_true", help="say which there are, and do nothing")
    parser.add_argument(
        "--force", action="store_true", help="also when there are projects or keys to replace"
    )


def _add_create(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", told: argparse.ArgumentParser
) -> None:
    create = commands.add_parser(
        "create", parents=[told], help="make an administrator; asks for the password"
    )
    create.add_argument("name", metavar="NAME", help="to sign in with")
    create.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input"
    )
    create.add_argument(
        "--another", action="store_true", help="also when there is an administrator"
    )


def _place(text: str) -> str:
    """An unset variable must not mean the current folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("no URL was given")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no hash of 64 hexadecimal digits")
    return text


def _head(text: str) -> Head:
    sequence, _, digest = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,18}", sequence):
        raise argparse.ArgumentTypeError(f"'{text}' is not SEQUENCE:HASH")
    return Head(int(sequence), _digest(digest))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of at least 1")
    return int(text)


def _complaint(error: ValidationError) -> str:
    lines = [
        f"  UNDERSTUDY_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    return "\n".join(["The registry can't start; put these settings right:", *lines])


if __name__ == "__main__":
    main()
