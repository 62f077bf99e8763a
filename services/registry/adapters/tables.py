"""The tables. Their history is in `migrations`; a test sees to it that the two agree."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime on every database: SQLite forgets the zone, so it is put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Into the database."""
        del dialect
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Out of it."""
        del dialect
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


state = Table(
    "state",
    metadata,
    # One row. Every change begins by moving `sequence`, which orders the changes of all replicas.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("configuration", JSON, nullable=False),
    Column("backed_up_at", UtcDateTime),
    # The hash of the newest audit entry.
    Column("chain", String(64), nullable=False, server_default=""),
)

projects = Table(
    "projects",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("description", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False, index=True),
    Column("description", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("model", ForeignKey("models.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("artifact", String(64), nullable=False, index=True),
    Column("reference", String(64), nullable=False, index=True),
    Column("signature", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("lineage", JSON, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(200)),
    Column("decision_reason", Text),
    # What stood in the way and was decided against.
    Column("overridden", JSON(none_as_null=True)),
    # The file that was compiled and how it compares, or else why there is none.
    Column("compiled", String(64), index=True),
    Column("compiled_figures", JSON(none_as_null=True)),
    Column("not_compiled", Text),
    Column("evaluation", String(64), index=True),
    Column("time_column", String(200)),
    # The file of its answers and what they say, or else why there is none.
    Column("baseline", String(64), index=True),
    Column("baseline_figures", JSON(none_as_null=True)),
    Column("not_measured", Text),
    Column("protected", JSON, nullable=False, server_default="[]"),
    Column("format", String(16), nullable=False, server_default="skops"),
    Column("converted_from", String(64), index=True),
    Column("attestation", String(64), index=True),
)

reviews = Table(
    "reviews",
    metadata,
    # One attempt to review a version; the newest that was made is the version's review.
    Column("model", String(63), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("job", String(36), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("began_by", String(200), nullable=False),
    # The file once it is made; or why there is none.
    Column("file", String(64), index=True),
    Column("made_at", UtcDateTime),
    Column("findings", JSON(none_as_null=True)),
    Column("main", Integer),
    Column("failure", Text),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.number"]),
)

openings = Table(
    "openings",
    metadata,
    # Who has had a review before their eyes.
    Column("model", String(63), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("actor", String(200), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(
        ["model", "version", "number"], ["reviews.model", "reviews.version", "reviews.number"]
    ),
)

answers = Table(
    "answers",
    metadata,
    # A version's questionnaire.
    Column("model", String(63), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("answers", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(200), nullable=False),
    ForeignKeyConstraint(["model", "version"], ["versions.model", "versions.number"]),
)

gates = Table(
    "gates",
    metadata,
    # What a project demands of a review; the highest number holds.
    Column("project", ForeignKey("projects.name"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("policy", JSON, nullable=False),
    # As it was written, with its comments.
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
)

trust = Table(
    "trust",
    metadata,
    # Types that artifacts wanted to hold, and what was decided about them.
    Column("type", String(300), primary_key=True),
    Column("state", String(16), nullable=False, index=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_by", String(200), nullable=False),
    Column("model", String(63), nullable=False),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(200)),
    Column("reason", Text),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(63), nullable=False, index=True),
    # The name while the deployment lives, nothing afterwards: so that a name is used again.
    Column("live_name", String(63), unique=True),
    Column("project", ForeignKey("projects.name"), nullable=False, index=True),
    Column("model", ForeignKey("models.name"), nullable=False),
    Column("access", String(16), nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("anchor", Integer, nullable=False),
    Column("current", Integer, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deployment_id", ForeignKey("deployments.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("main", Integer, nullable=False),
    Column("challengers", JSON, nullable=False),
    Column("released_at", UtcDateTime, nullable=False),
    Column("released_by", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("restores", Integer),
    Column("policy", JSON, nullable=False, server_default="{}"),
    UniqueConstraint("deployment_id", "number"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("deployment", String(63)),
    Column("project", String(63)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("limits", JSON(none_as_null=True)),
    Column("last_used_at", UtcDateTime),
    Column("issued_by", String(200), nullable=False, server_default="", index=True),
)

users = Table(
    "users",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("display_name", String(200), nullable=False),
    # An Argon2id hash; none for those who sign in elsewhere.
    Column("password", String(200)),
    # Who they are at an identity provider: `<issuer> <subject>`.
    Column("identity", String(500), unique=True),
    Column("admin", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

members = Table(
    "members",
    metadata,
    Column("project", ForeignKey("projects.name"), primary_key=True),
    Column("user", ForeignKey("users.name"), primary_key=True, index=True),
    Column("roles", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    # The digest of what the cookie holds.
    Column("digest", String(64), primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

attempts = Table(
    "attempts",
    metadata,
    # Failed sign-ins of late, by name and by address.
    Column("subject", String(200), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
)

tags = Table(
    "tags",
    metadata,
    # Of a model (version 0) or of one of its versions.
    Column("model", ForeignKey("models.name"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", String(250), primary_key=True),
    Column("value", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("project", String(63)),
    Column("state", String(16), nullable=False),
    Column("step", String(200), nullable=False),
    # Between 0 and 1.
    Column("progress", Float, nullable=False),
    Column("result", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    # Moved by whoever works on it; one that stands still was cut off.
    Column("heard_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

replies = Table(
    "replies",
    metadata,
    # What requests with an Idempotency-Key were answered; sealed, for answers may hold secrets.
    Column("id", String(64), primary_key=True),
    Column("request", String(64), nullable=False),
    Column("status", Integer),
    Column("sealed", LargeBinary),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

uploads = Table(
    "uploads",
    metadata,
    # Who sent a file of late: so that nobody names one by knowing its digest alone.
    Column("digest", String(64), primary_key=True),
    Column("actor", String(200), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("details", JSON, nullable=False),
    # SHA-256 over the hash before it and this row.
    Column("hash", String(64), nullable=False),
)

followers = Table(
    "followers",
    metadata,
    # The last report of each process, whichever replica it was told to.
    Column("component", String(16), primary_key=True),
    Column("instance", String(200), primary_key=True),
    Column("heard_at", UtcDateTime, nullable=False),
    Column("report", JSON, nullable=False),
)

Index("ix_keys_reach", keys.c.deployment, keys.c.project)
