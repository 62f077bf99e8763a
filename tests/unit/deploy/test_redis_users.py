"""Redis's users of the containers, read: what each may do, and on which keys."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.launch.installation import REDIS_USERS

ROOT: Final = Path(__file__).parents[3]
TEMPLATE: Final = (ROOT / "deploy/compose/users.acl").read_text()
LINES: Final = re.sub(r"\n\s+", " ", TEMPLATE).splitlines()


@dataclass(frozen=True, slots=True)
class Rights:
    """One pair of parentheses of a user: which commands on which keys."""

    keys: frozenset[str]
    """What follows the deployment, like `predictions` or `writer:*`."""
    commands: frozenset[str]


RIGHTS: Final = [
    (
        line.split()[1],
        Rights(
            frozenset(re.findall(r"~understudy:\{\*\}:(\S+)", words)),
            frozenset(re.findall(r"\+(\S+)", words)),
        ),
    )
    for line in LINES
    for words in re.findall(r"\((.*?)\)", line)
]


def test_users_of_redis_begin_with_no_rights() -> None:
    users = {line.split()[1]: line.split()[2:] for line in LINES}
    # Nobody can be it, but Redis 7.0 reads transactions of its append-only file as if it were: what
    # it may not do is missing after a restart.
    assert users.pop("default") == ["off", "allkeys", "allchannels", "allcommands"]
    assert set(users) == {*REDIS_USERS, "probe"}
    assert "allcommands" in users.pop("operator")
    for words in users.values():
        assert "-@all" in words
        plain = {word.strip("()") for word in words}
        assert not {"+@all", "allcommands", "+@write", "+flushall", "+keys", "allkeys"} & plain
        assert not {"~*", "%R~*", "%W~*", "%RW~*"} & plain


def test_who_may_write_a_stream_of_the_log_is_who_makes_its_entries() -> None:
    writers = {
        "predictions": {"serving"},
        "labels": {"serving"},
        "protected": {"serving"},
        "pairs": {"challenger"},
    }
    for stream, wanted in writers.items():
        assert {
            user for user, rights in RIGHTS if stream in rights.keys and "xadd" in rights.commands
        } == wanted
    values = {"set", "del", "hset", "hdel", "expire", "zadd"}
    for _, rights in RIGHTS:
        assert not (rights.commands & values and rights.keys & {*writers})


def test_scripts_may_do_what_commands_may_and_no_more() -> None:
    for _, rights in RIGHTS:
        if "eval" in rights.commands and rights.keys & {"predictions"}:
            assert rights.commands == {"eval", "evalsha"}


def test_only_the_probe_needs_no_password() -> None:
    open_to_all = [line.split()[1] for line in LINES if "nopass" in line.split()]
    assert open_to_all == ["probe"]
