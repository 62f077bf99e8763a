"""`admin create`: the first administrator, made by whoever runs the installation."""

import getpass
import sys
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.key_store import SqlKeys
from services.registry.adapters.passwords import ArgonPasswords
from services.registry.adapters.people_store import SqlPeople
from services.registry.adapters.session_store import SqlSessions
from services.registry.commands.telling import result
from services.registry.domain.people_refusals import AdministratorExistsError, PasswordRefusedError
from services.registry.operations import People, Sessions
from services.registry.operations.issued import Issued
from services.registry.operations.people import NewUser
from services.registry.settings import RegistrySettings
from understudy.contracts.people import UserName

_LONGEST_LINE: Final = 10_000


def create_admin(
    settings: RegistrySettings, name: str, form: str, *, stdin: bool, another: bool
) -> None:
    """Ask for the password, never take it as an argument. Raises Refusal."""
    new = NewUser(_checked(name), admin=True, password=_password(stdin=stdin))
    database = Database(settings.database)
    try:
        database.require_migrated()
        people = _people(settings, database)
        try:
            made = people.make_another(new) if another else people.make_first(new)
        except AdministratorExistsError as error:
            raise AdministratorExistsError(
                "There is an administrator already, who may make others; or give --another."
            ) from error
    finally:
        database.close()
    result(f"Made the administrator {made.name}.", {"name": made.name, "admin": True}, form)


def _checked(name: str) -> str:
    try:
        return TypeAdapter(UserName).validate_python(name)
    except ValidationError as error:
        raise PasswordRefusedError(
            f"'{name}' is no sign-in name: it has lower-case letters, digits and . _ @ + -, and "
            "begins with a letter or digit."
        ) from error


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise PasswordRefusedError("The two passwords are not the same.")
    return first


def _people(settings: RegistrySettings, database: Database) -> People:
    store, passwords = SqlPeople(database), ArgonPasswords(1)
    sessions = Sessions(
        store=SqlSessions(database),
        people=store,
        passwords=passwords,
        idle=timedelta(seconds=settings.session_idle_seconds),
        lifetime=timedelta(seconds=settings.session_seconds),
        clock=_now,
    )
    issued = Issued(SqlKeys(database), store, SqlDeployments(database), _now)
    return People(store=store, sessions=sessions, passwords=passwords, issued=issued, clock=_now)


def _now() -> datetime:
    return datetime.now(UTC)
