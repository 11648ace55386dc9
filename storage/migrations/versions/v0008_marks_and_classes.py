"""Classes that go by another name, marks in numbers, and how often a model's columns came to be read otherwise."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_column", sa.Column("classes", sa.JSON(), nullable=True))
    op.add_column("model_column", sa.Column("marks", sa.String(length=2), nullable=True))
    op.add_column("model", sa.Column("n_readings", sa.Integer(), nullable=False, server_default="0"))
