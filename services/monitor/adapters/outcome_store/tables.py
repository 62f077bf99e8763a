"""The tables. Facts by prediction id, what they count for by cohort.

A row of facts is written once, and read again only when another fact of the same prediction comes.
The tables are created on first use and carry one version number: they hold nothing that a person
edits, so there is no history of migrations to keep beside the registry's.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA: Final = 2

tables = MetaData()

# Ids are ASCII: compared byte by byte, not by the customs of a country.
_Id = Text().with_variant(Text(collation="C"), "postgresql")


def _named(name: str = "id") -> Column[str]:
    return Column(name, _Id, primary_key=True)


def _whose() -> Column[int]:
    """The number of the deployment."""
    return Column("deployment", Integer, primary_key=True, autoincrement=False)


schema = Table("outcome_schema", tables, Column("version", Integer, primary_key=True))

deployments = Table(
    "outcome_deployments",
    tables,
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    # A deleted deployment's name may be used again, for anything: release numbers go on, and the
    # first one tells them apart.
    Column("first_release", Integer, nullable=False),
    # JSON, for readers that come without a snapshot.
    Column("target", Text, nullable=False),
    # When the newest prediction was made, and how often facts were taken up.
    Column("newest", Double, nullable=False),
    Column("revision", BigInteger, nullable=False),
    # Facts of predictions before it have been let go of, and are not taken up again.
    Column("expired_before", Double, nullable=False),
    # JSON: what is known of labels beside tallies.
    Column("standing", Text, nullable=False),
    UniqueConstraint("name", "first_release"),
)

tenures = Table(
    "outcome_tenures",
    tables,
    _whose(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("release", Integer, nullable=False),
    Column("main", Integer, nullable=False),
    # 1 where the terms are the release's own, 0 where they were guessed.
    Column("stated", Integer, nullable=False),
    # JSON: the terms.
    Column("body", Text, nullable=False),
)

answers = Table(
    "outcome_answers",
    tables,
    _whose(),
    _named(),
    Column("at", Double, nullable=False),
    Column("main", Integer, nullable=False),
    Column("tenure", Integer, nullable=False),
    # The class's index in the signature, or the number; NULL where scoring failed.
    Column("value", Double),
    # Raw little-endian float64, one per class; NULL where there are none.
    Column("probabilities", LargeBinary),
    # 1 once there is a label.
    Column("labelled", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("outcome_answers_at", answers.c.deployment, answers.c.at)
Index(
    "outcome_answers_labelled",
    *(answers.c.deployment, answers.c.main, answers.c.at),
    sqlite_where=text("labelled = 1"),
    postgresql_where=text("labelled = 1"),
)

pairs = Table(
    "outcome_pairs",
    tables,
    _whose(),
    _named(),
    Column("challenger", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("value", Double),
    Column("probabilities", LargeBinary),
    sqlite_with_rowid=False,
)

labels = Table(
    "outcome_labels",
    tables,
    _whose(),
    _named(),
    # Every event is kept: repetitions and corrections are counted from all of them.
    Column("received_at", Double, primary_key=True),
    Column("label", Text, primary_key=True),
    # NULL where the label is none of the target's values.
    Column("value", Double),
    sqlite_with_rowid=False,
)

protected = Table(
    "outcome_protected",
    tables,
    _whose(),
    _named(),
    # Texts as JSON, so that no character of them stands in a database's way.
    Column("attribute", Text, primary_key=True),
    Column("received_at", Double, nullable=False),
    # NULL once forgotten: what counted once must not count again.
    Column("value", Text),
    sqlite_with_rowid=False,
)
Index(
    "outcome_protected_received",
    *(protected.c.deployment, protected.c.received_at),
    sqlite_where=text("value IS NOT NULL"),
    postgresql_where=text("value IS NOT NULL"),
)

cohorts = Table(
    "outcome_cohorts",
    tables,
    _whose(),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("main", Integer, primary_key=True, autoincrement=False),
    Column("terms", Text, primary_key=True),
    Column("release", Integer, primary_key=True, autoincrement=False),
    # The deployment's when the tally was last changed.
    Column("revision", BigInteger, nullable=False),
    Column("tally", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

deeds = Table(
    "outcome_deeds",
    tables,
    # In the order in which they were done.
    Column("number", Integer, primary_key=True),
    Column("deployment", Text, nullable=False),
    # JSON
    Column("body", Text, nullable=False),
)
Index("outcome_deeds_of", deeds.c.deployment, deeds.c.number)
