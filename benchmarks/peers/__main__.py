"""`run` measures, `check` sees whether all answer rightly, `report` writes docs/benchmarks.md."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.peers.contest import Contest, Loads, Place
from benchmarks.peers.generator import Generator, build
from benchmarks.peers.measurements import Contestant, Machine, Results, now
from benchmarks.peers.models import ModelName, train
from benchmarks.peers.processes import Cores
from benchmarks.peers.questions import COMPARISONS, Comparison
from benchmarks.peers.report import section, write_report
from benchmarks.peers.server import Server
from benchmarks.peers.servers import SERVERS

RESULTS: Final = Path(__file__).parent / "results"
CACHE: Final = Path("var/bench")


def main() -> None:
    """Do what the command line says."""
    given = _parser().parse_args()
    # So that a driver that is told to end takes its servers along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if given.command == "report":
        write_report(sorted(given.results.glob("*.json")), given.page)
        return
    question = _adjusted(COMPARISONS[given.question], given)
    if given.command == "check":
        question = replace(question, loads=replace(question.loads, rounds=0))
    results = measure(question, given.cache.absolute(), _cores(given))
    if given.command == "run":
        results.write(given.out or given.cache / "results" / f"{given.question}.json")
        print("\n".join(section(results)))
    if given.command == "check":
        sys.exit(1 if any(each.failures for each in results.contestants) else 0)


def measure(question: Comparison, cache: Path, cores: Cores) -> Results:
    """Answer one question."""
    os.sched_setaffinity(0, {cores.other})
    place = Place(cache, cores, Generator(build(cache / "generator"), cores.other), _tell)
    contests = list[Contest]()
    for name in question.models:
        contest = Contest(
            place, train(ModelName.parse(name), cache / "models" / name), question.loads
        )
        with contest.holding([SERVERS[server] for server in question.servers]):
            contest.measure()
        contests.append(contest)
    return Results(
        title=question.title,
        compared=question.compared,
        rounds=question.loads.rounds,
        seconds=question.loads.seconds,
        measured_at=now(),
        machine=Machine.this(cores.server, cores.other),
        contestants=tuple(_contestant(SERVERS[name], contests) for name in question.servers),
        runs=tuple(run for contest in contests for run in contest.runs),
    )


def _contestant(server: Server, contests: Sequence[Contest]) -> Contestant:
    name = server.name
    return Contestant(
        name=name,
        setup=server.setup,
        requirements=server.requirements,
        failures={c.model: c.failures[name] for c in contests if name in c.failures},
        notes={c.model: c.notes[name] for c in contests if name in c.notes},
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (("run", "measure and keep the results"), ("check", "see who answers")):
        command = commands.add_parser(name, help=does)
        command.add_argument("question", nargs="?", default="peers", choices=COMPARISONS)
        command.add_argument("--models", type=_names)
        command.add_argument("--servers", type=_names, help=", ".join(SERVERS))
        command.add_argument("--rows", type=_numbers, help="of one request, as in 1,32")
        command.add_argument("--connections", type=_numbers)
        command.add_argument("--rounds", type=int)
        command.add_argument("--seconds", type=float)
        command.add_argument("--cache", type=Path, default=CACHE)
        command.add_argument("--server-core", type=int)
        command.add_argument("--other-core", type=int)
        command.add_argument("--out", type=Path, help="where the results go")
    report = commands.add_parser("report", help="write the page from the results")
    report.add_argument("--results", type=Path, default=RESULTS)
    report.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    return parser


def _adjusted(question: Comparison, given: argparse.Namespace) -> Comparison:
    """The question, with what the command line says otherwise."""
    names = ("rows", "connections", "rounds", "seconds")
    changes = {name: value for name in names if (value := getattr(given, name)) is not None}
    loads: Loads = replace(question.loads, **changes)
    servers = given.servers or question.servers
    unknown = [name for name in servers if name not in SERVERS]
    if unknown:
        sys.exit(f"no servers of these names: {', '.join(unknown)}")
    return replace(question, loads=loads, servers=servers, models=given.models or question.models)


def _cores(given: argparse.Namespace) -> Cores:
    """By default the first and the last that this process may use."""
    usable = sorted(os.sched_getaffinity(0))
    server = usable[0] if given.server_core is None else given.server_core
    other = usable[-1] if given.other_core is None else given.other_core
    return Cores(server, other)


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
