"""The same content is brought in by one run at a time.

On PostgreSQL, two imports of one file that began at once had a run each, and each stored its rows. Such runs become one
here: the newest goes on, from where the one furthest ahead stood, so that no more rows come in twice. The others end as
failed, and their note says how many rows stand in the log more than once. No row is removed: rows do not tell which run
stored them.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNFINISHED = sa.text("state IN ('running', 'stopping', 'stopped')")
_RUN = sa.table("import_run", *map(sa.column, ("id", "source", "fingerprint", "state", "n_done", "n_rejected", "note")))


def upgrade() -> None:
    """Make one of the runs that began at once, and let the database allow no second one."""
    c = _RUN.c
    unfinished = sa.select(_RUN).where(_UNFINISHED, c.fingerprint.is_not(None)).order_by(c.id)
    of_content: dict[str, list[Any]] = {}
    for row in op.get_bind().execute(unfinished).all():
        of_content.setdefault(row.fingerprint, []).append(row)
    for rows in of_content.values():
        if len(rows) > 1:
            _make_one(rows)
    op.create_index(
        "ix_import_run_unfinished",
        "import_run",
        ["fingerprint"],
        unique=True,
        sqlite_where=_UNFINISHED,
        postgresql_where=_UNFINISHED,
    )


def _make_one(rows: list[Any]) -> None:
    c, newest = _RUN.c, rows[-1]
    furthest, second = sorted(rows, key=lambda row: row.n_done, reverse=True)[:2]
    progress = {"n_done": furthest.n_done, "n_rejected": furthest.n_rejected}
    # Both read the file from its first row on.
    n_twice = second.n_done - second.n_rejected
    note = (
        f"Ended by the upgrade: run {newest.id} goes on in its place. Both had begun at once, and {n_twice:,} rows "
        f"from the beginning of {newest.source} stand in the log more than once."
    )
    op.execute(sa.update(_RUN).where(c.id == newest.id).values(progress))
    ended = [row.id for row in rows[:-1]]
    op.execute(sa.update(_RUN).where(c.id.in_(ended)).values(state="failed", note=note))
