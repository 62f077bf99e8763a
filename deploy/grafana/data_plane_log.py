"""The way of rows and labels: log, disk spool, streams, Redis."""

from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana import look
from deploy.grafana.frame import Face, Query
from deploy.grafana.look import Colour, Unit
from deploy.grafana.panels import lines
from deploy.grafana.queries import CHOSEN, newest, or_zero, quantile, rate, total

_STATES = {
    "^logged": Colour.GOOD,
    "^spooled": Colour.LOOK,
    "^replayed": Colour.MAIN,
    "^dropped": Colour.BAD,
}


def log() -> list[model.Panel]:
    """From a worker's memory to Redis, or to disk while it is gone."""
    rows = "understudy_log_rows_total"
    return [
        lines(
            Face(
                "What became of rows and labels",
                "A second: logged in Redis at once, spooled to disk, replayed from disk into "
                "Redis, dropped. All should be logged, none dropped.",
            ),
            [
                Query(or_zero(rate(rows, CHOSEN, f'state="{state}"')), state, ref)
                for ref, state in zip(
                    "ABCD", ("logged", "spooled", "replayed", "dropped"), strict=True
                )
            ],
            unit=Unit.ROWS,
            colours=_STATES,
        ),
        lines(
            Face("Waiting in memory", "Rows and labels that wait to be written. Few is good."),
            [Query(total("understudy_log_buffered_rows"), "rows")],
            unit=Unit.COUNT,
        ),
        lines(
            Face("Time of a write", "To Redis, a whole batch; and writes a second that failed."),
            [
                Query(quantile(0.5, "understudy_log_flush_seconds"), "p50", "A"),
                Query(quantile(0.99, "understudy_log_flush_seconds"), "p99", "B"),
            ],
            unit=Unit.SECONDS,
            logarithmic=True,
            minimum=None,
        ),
        lines(
            Face("On disk", "Size of the spool. It is empty while Redis is well."),
            [Query(total("understudy_log_spool_bytes"), "spool")],
            unit=Unit.BYTES,
            colours={"spool": Colour.LOOK},
        ),
        lines(
            Face(
                "Failures of the log",
                "A second: writes that failed, records on disk that cannot be read. 0 is good.",
            ),
            [
                Query(or_zero(rate("understudy_log_flush_failures_total")), "writes", "A"),
                Query(or_zero(rate("understudy_log_spool_bad_records_total")), "bad records", "B"),
            ],
            unit=Unit.PER_SECOND,
            colours={"writes": Colour.LOOK, "bad": Colour.BAD},
        ),
        lines(
            Face(
                "Readers behind",
                "How old the oldest row is that challengers, and monitors, still have to read; "
                "the deployment where it is longest. Seconds are good.",
            ),
            [
                Query(
                    'max by (reader) (understudy:log:behind_seconds{reader!="archive"})',
                    "{{reader}}",
                )
            ],
            unit=Unit.SECONDS,
            limits=look.LAG,
            colours={"^monitor": Colour.MAIN},
        ),
    ]


def streams() -> list[model.Panel]:
    """What waits in Redis, and for whom."""
    of = ("deployment", "stream")
    reader = ("deployment", "version")
    return [
        lines(
            Face("Entries", "Of each stream; it is trimmed behind its readers.", 6),
            [
                Query(
                    newest("understudy_stream_entries", CHOSEN, by=of), "{{deployment}} {{stream}}"
                )
            ],
            unit=Unit.COUNT,
        ),
        lines(
            Face("Memory", "That each stream takes of Redis'.", 6),
            [Query(newest("understudy_stream_bytes", CHOSEN, by=of), "{{deployment}} {{stream}}")],
            unit=Unit.BYTES,
        ),
        lines(
            Face("Challengers behind", "Age of the oldest entry that is not scored.", 6),
            [
                Query(
                    newest("understudy_challenger_behind_seconds", CHOSEN, by=reader),
                    "{{deployment}} v{{version}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
        lines(
            Face(
                "Entries for challengers",
                "Not read yet, and read but not finished. Steady is good; growing is a challenger "
                "too slow for the traffic.",
                6,
            ),
            [
                Query(
                    newest(f"understudy_challenger_{each}_entries", CHOSEN, by=reader),
                    f"{{{{deployment}}}} v{{{{version}}}} {name}",
                    ref,
                )
                for ref, each, name in (
                    ("A", "undelivered", "unread"),
                    ("B", "pending", "unfinished"),
                )
            ],
            unit=Unit.COUNT,
        ),
    ]


def redis() -> list[model.Panel]:
    """As the challenger's process sees it."""
    memory = "understudy_redis_memory_bytes"
    return [
        lines(
            Face(
                "Memory",
                "Used, and the most that it ever was. Where Redis has a limit it is drawn; at it, "
                "Redis takes no more and rows go to disk.",
            ),
            [
                Query(newest(memory, 'kind="used"'), "used", "A"),
                Query(newest(memory, 'kind="peak"'), "peak", "B"),
                Query(f"{newest(memory, _LIMIT)} > 0", "limit", "C"),
            ],
            unit=Unit.BYTES,
            colours={"^used": Colour.MAIN, "^peak": Colour.QUIET, "^limit": Colour.BAD},
        ),
        lines(
            Face("Time to answer", "Of a PING. Milliseconds are good."),
            [Query(newest("understudy_redis_ping_seconds"), "ping")],
            unit=Unit.SECONDS,
        ),
        lines(
            Face(
                "Clients, and keys thrown out",
                "Connections; and keys a second that Redis evicted: any is a lost piece of the "
                "log, and means that its policy is not noeviction.",
            ),
            [
                Query(newest("understudy_redis_clients"), "clients", "A"),
                Query(or_zero(rate("understudy_redis_evicted_keys_total")), "evicted", "B"),
            ],
            unit=Unit.COUNT,
            colours={"^evicted": Colour.BAD},
        ),
    ]


_LIMIT = 'kind="limit"'
