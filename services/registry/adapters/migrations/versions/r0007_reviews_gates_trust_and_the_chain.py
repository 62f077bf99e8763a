"""Reviews and who opened them, gates, questionnaires, trust, and the audit trail as a chain."""

import hashlib
import json
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_AT_ONCE = 500
_MADE = ("trust", "gates", "answers", "openings", "reviews")


def upgrade() -> None:
    _versions()
    _reviews()
    _gates()
    op.add_column(
        "state", sa.Column("chain", sa.String(length=64), nullable=False, server_default="")
    )
    op.add_column("audit", sa.Column("hash", sa.String(length=64), nullable=True))
    _link()
    with op.batch_alter_table("audit") as audit:
        audit.alter_column("hash", existing_type=sa.String(length=64), nullable=False)
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_subject"), "audit")
    op.drop_column("audit", "hash")
    op.drop_column("state", "chain")
    for table in _MADE:
        op.drop_table(table)
    for column in ("converted_from", "attestation"):
        op.drop_index(op.f(f"ix_versions_{column}"), "versions")
    for column in ("attestation", "converted_from", "format", "protected", "overridden"):
        op.drop_column("versions", column)


def _versions() -> None:
    op.add_column("versions", sa.Column("overridden", sa.JSON(none_as_null=True), nullable=True))
    op.add_column(
        "versions", sa.Column("protected", sa.JSON(), nullable=False, server_default="[]")
    )
    op.add_column(
        "versions",
        sa.Column("format", sa.String(length=16), nullable=False, server_default="skops"),
    )
    for name in ("converted_from", "attestation"):
        op.add_column("versions", sa.Column(name, sa.String(length=64), nullable=True))
        op.create_index(op.f(f"ix_versions_{name}"), "versions", [name])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job", sa.String(length=36), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("began_by", sa.String(length=200), nullable=False),
        sa.Column("file", sa.String(length=64), nullable=True),
        sa.Column("made_at", _TIME, nullable=True),
        sa.Column("findings", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("main", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model", "version"],
            ["versions.model", "versions.number"],
            name=op.f("fk_reviews_model"),
        ),
        sa.PrimaryKeyConstraint("model", "version", "number", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_file"), "reviews", ["file"])
    op.create_table(
        "openings",
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["model", "version", "number"],
            ["reviews.model", "reviews.version", "reviews.number"],
            name=op.f("fk_openings_model"),
        ),
        sa.PrimaryKeyConstraint("model", "version", "number", "actor", name=op.f("pk_openings")),
    )
    op.create_table(
        "answers",
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["model", "version"],
            ["versions.model", "versions.number"],
            name=op.f("fk_answers_model"),
        ),
        sa.PrimaryKeyConstraint("model", "version", name=op.f("pk_answers")),
    )


def _gates() -> None:
    op.create_table(
        "gates",
        sa.Column("project", sa.String(length=63), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_gates_project")),
        sa.PrimaryKeyConstraint("project", "number", name=op.f("pk_gates")),
    )
    op.create_table(
        "trust",
        sa.Column("type", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=63), nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("type", name=op.f("pk_trust")),
    )
    op.create_index(op.f("ix_trust_state"), "trust", ["state"])


def _link() -> None:
    """Entries from before are linked as they are found: changes made until now can't be told."""
    audit = sa.table(
        "audit",
        sa.column("sequence"),
        sa.column("at", _TIME),
        sa.column("actor"),
        sa.column("action"),
        sa.column("subject"),
        sa.column("reason"),
        sa.column("details", sa.JSON()),
        sa.column("hash"),
    )
    state, connection = sa.table("state", sa.column("chain")), op.get_bind()
    before, after = "", -1
    following = sa.select(audit).order_by(audit.c.sequence).limit(_AT_ONCE)
    link = sa.update(audit).where(audit.c.sequence == sa.bindparam("place"))
    link = link.values(hash=sa.bindparam("link"))
    while rows := connection.execute(following.where(audit.c.sequence > after)).all():
        links = []
        for row in rows:
            after, before = row.sequence, linked(before, row)
            links.append({"place": row.sequence, "link": before})
        connection.execute(link, links)
    connection.execute(sa.update(state).values(chain=before))


def linked(before: str, row: sa.Row[Any]) -> str:
    """The hash of a row in its place, as this revision began the chain; it never changes."""
    at = row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)
    told = {
        "sequence": row.sequence,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "reason": row.reason,
        "details": row.details,
    }
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((before + text).encode()).hexdigest()
