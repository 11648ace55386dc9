"""What is remembered about each watched column: evidence, alarms and what people said of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watch",
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("n_streams", sa.Integer(), nullable=False),
        sa.Column("phi", sa.JSON(), nullable=False),
        sa.Column("replay", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.ForeignKeyConstraint(["reference_id"], ["reference.id"]),
        sa.PrimaryKeyConstraint("reference_id"),
    )
    op.create_index(op.f("ix_watch_model_id"), "watch", ["model_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(length=8), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("life_p", sa.Double(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.ForeignKeyConstraint(["reference_id"], ["reference.id"]),
        sa.PrimaryKeyConstraint("reference_id", "stream", "position"),
    )
    op.create_index("ix_evidence_row", "evidence", ["model_id", "row_id"], unique=False)
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("feed", sa.String(length=8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("onset", sa.BigInteger(), nullable=False),
        sa.Column("onset_at", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.String(length=16), nullable=False),
        sa.Column("bet", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("life_p", sa.Double(), nullable=False),
        sa.Column("stale", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=80), nullable=True),
        sa.Column("acknowledged_kind", sa.String(length=16), nullable=True),
        sa.Column("acknowledged_note", sa.Text(), nullable=True),
        sa.Column("acknowledged_mark", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_row_id", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_row_at", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_until", sa.BigInteger(), nullable=True),
        sa.Column("snoozed_by", sa.String(length=80), nullable=True),
        sa.Column("snoozed_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.ForeignKeyConstraint(["reference_id"], ["reference.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alarm_reference", "alarm", ["reference_id", "stream"], unique=False)
    op.create_index("ix_alarm_row", "alarm", ["model_id", "row_id"], unique=False)
