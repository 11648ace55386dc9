"""How the cells of each column are read, and how many could not be."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What storage.checking.spelling.MISSING held when this was written.
_MISSING = ["", "#N/A", "-NaN", "-nan", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"]


def upgrade() -> None:
    op.add_column("model_column", sa.Column("spelling", sa.String(length=8), nullable=True))
    op.add_column("model_column", sa.Column("missing", sa.JSON(), nullable=True))
    op.create_table(
        "unreadable_cell",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("column_name", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"]),
        sa.PrimaryKeyConstraint("model_id", "column_name", "day", "reason"),
    )
    _keep_what_was_stored(op.get_bind())


def _keep_what_was_stored(connection: sa.Connection) -> None:
    """Read the columns that are there as before: as text, and no word is missing that was stored as a value."""
    column = sa.table(
        "model_column",
        *map(sa.column, ("model_id", "position", "name", "spelling")),
        sa.column("missing", sa.JSON()),
    )
    category = sa.table("category", *map(sa.column, ("model_id", "column_name", "value")))
    stored = sa.select(category.c.model_id, category.c.column_name, category.c.value)
    values: dict[tuple[int, str], set[str]] = {}
    for model_id, name, value in connection.execute(stored.where(category.c.value.in_(_MISSING))):
        values.setdefault((model_id, name), set()).add(value)
    for model_id, position, name in connection.execute(sa.select(*column.c["model_id", "position", "name"])).all():
        words = [word for word in _MISSING if word not in values.get((model_id, name), ())]
        this = (column.c.model_id == model_id, column.c.position == position)
        connection.execute(sa.update(column).where(*this).values(spelling="text", missing=words))
