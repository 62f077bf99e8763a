"""Evaluation sample, time column and baseline of a version; earlier ones have none."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("evaluation", sa.String(length=64), nullable=True))
    op.add_column("versions", sa.Column("time_column", sa.String(length=200), nullable=True))
    op.add_column("versions", sa.Column("baseline", sa.String(length=64), nullable=True))
    op.add_column("versions", sa.Column("baseline_figures", sa.JSON(), nullable=True))
    op.add_column("versions", sa.Column("not_measured", sa.Text(), nullable=True))
    op.create_index(op.f("ix_versions_evaluation"), "versions", ["evaluation"], unique=False)
    op.create_index(op.f("ix_versions_baseline"), "versions", ["baseline"], unique=False)
    versions = sa.table("versions", sa.column("not_measured", sa.Text()))
    reason = "registered before baselines were measured"
    op.execute(versions.update().values(not_measured=reason))


def downgrade() -> None:
    op.drop_index(op.f("ix_versions_baseline"), "versions")
    op.drop_index(op.f("ix_versions_evaluation"), "versions")
    for column in ("not_measured", "baseline_figures", "baseline", "time_column", "evaluation"):
        op.drop_column("versions", column)
