"""What the command line tells of an import, before it and after."""

import sys
from pathlib import Path

from storage.importing.plan import ImportPlan
from storage.importing.run import ImportResult
from storage.importing.wording import plan_lines, rejected_lines

_SHOWN = 20


def tell_plan(plan: ImportPlan, *, verbose: bool = False) -> None:
    """Print what an import will do."""
    print(f"{plan.called} -> model {plan.model!r}. Times without a zone are read as UTC.")
    for line in plan_lines(plan, verbose=verbose):
        print(f"  {line}")
    for hint in plan.hints:
        print(f"  hint: {hint}")


def tell_result(result: ImportResult, listed: Path | None, seconds: float) -> None:
    """Print what became of a file; `listed` is the file that lists its rejected rows."""
    resumed = f" (went on at row {result.resumed_at + 1:,})" if result.resumed_at else ""
    rate = (result.n - result.resumed_at) / max(seconds, 1e-9)
    print(f"{result.accepted:,} rows imported{resumed}, {len(result.rejected):,} rejected; {rate:,.0f} rows/s.")
    for column in result.unreadable:
        cells = "1 cell" if column.n == 1 else f"{column.n:,} cells"
        first = f"row {column.row + 1:,}: {column.source} {column.error}"
        print(f"  {column.source}: {cells} could not be read, stored as missing; the first is {first}.")
    if result.strange_labels:
        named = ", ".join(map(repr, result.strange_labels[:_SHOWN]))
        print(f"  labels use names that no prediction has: {named} (--classes says what they stand for).")
    for line in rejected_lines(result.rejected, _SHOWN):
        print(f"  {line}")
    if listed is not None:
        print(f"The rejected rows are listed in {listed}.")


def code_of(result: ImportResult, most: float) -> int:
    """Return 3 where more rows than may be were rejected: scripts must not take that for a success."""
    n = result.n - result.resumed_at
    if not n or len(result.rejected) <= most * n:
        return 0
    share = f"{len(result.rejected):,} of {n:,} rows were rejected"
    print(f"error: {share}, more than {most:.0%} (--most-rejected).", file=sys.stderr)
    return 3
