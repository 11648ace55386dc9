"""The sealed segments, their counts and the marks of what changed beneath them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("model", sa.Column("sealed_id", sa.BigInteger(), nullable=True))
    for name in ("n_sealed", "n_retired", "seal_revision"):
        op.add_column("model", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("model", sa.Column("last_known_id", sa.BigInteger(), nullable=True))
    op.add_column("reference", sa.Column("counted_to", sa.Integer(), server_default="0", nullable=False))
    op.add_column("reference_values", sa.Column("edges", sa.LargeBinary(), nullable=True))
    op.create_table(
        "segment",
        _key("model_id"),
        _key("k"),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=True),
        sa.Column("end_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "k"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "segment_values",
        *(_key(name) for name in ("model_id", "position", "k")),
        sa.Column("dtype", sa.String(length=4), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "position", "k"),
    )
    for table, counted in {"segment_histogram": "k", "block_histogram": "block"}.items():
        op.create_table(
            table,
            *(_key(name) for name in ("reference_id", "position", counted)),
            sa.Column("data", sa.LargeBinary(), nullable=False),
            sa.ForeignKeyConstraint(["reference_id"], ["reference.id"]),
            sa.PrimaryKeyConstraint("reference_id", "position", counted),
        )
    op.create_table(
        "dirty",
        _key("model_id"),
        _key("k"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "k"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Numbers hardly compress: trying would only cost time at every read.
        for table in ("segment_values", "segment_histogram", "block_histogram"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN data SET STORAGE EXTERNAL")
    _add_label_order()


def _key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _add_label_order() -> None:
    """Give the logs that exist the index that new ones are created with."""
    models = op.get_bind().execute(sa.text("SELECT name FROM model ORDER BY id")).scalars().all()
    for name in models:
        came_late = sa.text("labelled_at <> predicted_at")
        op.create_index(
            f"ix_late_label_{name}",
            f"prediction_{name}",
            ["labelled_at"],
            sqlite_where=came_late,
            postgresql_where=came_late,
        )
        log = sa.table(f"prediction_{name}", *(sa.column(n) for n in ("id", "predicted_at", "labelled_at")))
        newest = sa.select(log.c.id).where(log.c.labelled_at == log.c.predicted_at).order_by(log.c.id.desc()).limit(1)
        model = sa.table("model", sa.column("name"), sa.column("last_known_id"))
        op.execute(sa.update(model).where(model.c.name == name).values(last_known_id=newest.scalar_subquery()))
