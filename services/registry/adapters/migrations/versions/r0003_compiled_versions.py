"""What a version was compiled to when it was registered; earlier ones were not."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("compiled", sa.String(length=64), nullable=True))
    op.add_column("versions", sa.Column("compiled_figures", sa.JSON(), nullable=True))
    op.add_column("versions", sa.Column("not_compiled", sa.Text(), nullable=True))
    op.create_index(op.f("ix_versions_compiled"), "versions", ["compiled"], unique=False)
    versions = sa.table("versions", sa.column("not_compiled", sa.Text()))
    reason = "registered before compiled runners were made"
    op.execute(versions.update().values(not_compiled=reason))


def downgrade() -> None:
    op.drop_index(op.f("ix_versions_compiled"), "versions")
    for column in ("not_compiled", "compiled_figures", "compiled"):
        op.drop_column("versions", column)
