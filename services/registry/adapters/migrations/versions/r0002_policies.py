"""The policy of a release; those that were made before answer as the default says."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    policy = sa.Column("policy", sa.JSON(), server_default="{}", nullable=False)
    op.add_column("releases", policy)


def downgrade() -> None:
    op.drop_column("releases", "policy")
