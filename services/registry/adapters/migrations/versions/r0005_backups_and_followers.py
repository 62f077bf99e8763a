"""When the last backup was made; what followers report, so that every replica knows it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("state", sa.Column("backed_up_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "followers",
        sa.Column("component", sa.String(length=16), nullable=False),
        sa.Column("instance", sa.String(length=200), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("component", "instance", name=op.f("pk_followers")),
    )


def downgrade() -> None:
    op.drop_table("followers")
    op.drop_column("state", "backed_up_at")
