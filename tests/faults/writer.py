"""A process that appends to a log until it is stopped, and says every row that the log has accepted.

`python -m tests.faults.writer NAME SIZE SECONDS` appends batches of `SIZE` rows to the database of the environment.
"""

import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from drift.data.windows import Column
from storage import open_log
from storage.database.settings import Settings

MODEL = "m"
COLUMNS = (
    Column("amount", "numeric"),
    Column("channel", "categorical"),
    Column("label", "categorical", "label"),
)
START = datetime(2026, 9, 1, tzinfo=UTC)


def main(name: str, size: int, seconds: float) -> None:
    """Append, and now and then label what was appended; print the ids of each batch once it is committed."""
    log = open_log(Settings.from_environment().database_url)
    rng = np.random.default_rng(int.from_bytes(name.encode(), "big"))
    ends, batch = time.monotonic() + seconds, 0
    slowest = 0.0
    while time.monotonic() < ends:
        ids = [f"{name}-{batch}-{k}" for k in range(size)]
        # Most rows are new, some come late: their time lies anywhere before.
        at = START + timedelta(seconds=batch if rng.random() < 0.9 else int(rng.integers(0, batch + 1)))
        rows = [
            {"predicted_at": at, "request_id": key, "amount": float(rng.normal()), "channel": f"c{batch % 7}"}
            for key in ids
        ]
        begun = time.monotonic()
        accepted = log.append(MODEL, rows).accepted
        slowest = max(slowest, time.monotonic() - begun)
        if accepted != size:
            raise RuntimeError(f"{accepted} of {size} rows were accepted.")
        print(*ids, flush=True)
        if batch % 5 == 0:
            log.label(MODEL, ids[:1], ["yes"])
        batch += 1
    log.close()
    print(f"{name}: {batch} batches, the slowest took {slowest:.2f} s", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
