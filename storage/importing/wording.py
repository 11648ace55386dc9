"""The plan of an import in words: page and command line say the same, a line for a column or for many of a kind."""

from collections import Counter
from collections.abc import Sequence

from storage.checking.rows import RejectedRow
from storage.importing.plan import ImportPlan

# A file of more columns is told by what became of them.
_MOST_LINES = 40
_NAMED = 6
# From this share of rejected rows on, an import has failed though some rows landed.
MOST_REJECTED = 0.5


def plan_pairs(plan: ImportPlan) -> list[tuple[str, str]]:
    """Return every column of the file with what it becomes and why, times first."""
    told = [(plan.sources[name], f"time: {form.says}") for name, form in plan.times.items() if form.says]
    return told + [(decision.source, decision.why) for decision in plan.decisions]


def plan_lines(plan: ImportPlan, *, verbose: bool = False) -> list[str]:
    """Return the plan line by line; columns of which the same is to be said share a line where there are many."""
    told = plan_pairs(plan)
    if verbose or len(told) <= _MOST_LINES:
        width = max((len(source) for source, _ in told), default=0)
        return [f"{source:<{width}}  {why}" for source, why in told]
    grouped: dict[str, list[str]] = {}
    for source, why in told:
        grouped.setdefault(why.partition(" in the first ")[0], []).append(source)
    return [_group(why, sources) for why, sources in sorted(grouped.items(), key=lambda each: -len(each[1]))]


def _group(why: str, sources: Sequence[str]) -> str:
    named = ", ".join(sources[:_NAMED]) + (f" and {len(sources) - _NAMED} more" if len(sources) > _NAMED else "")
    return f"{len(sources)} {'column' if len(sources) == 1 else 'columns'} {why}: {named}"


def rejected_lines(rejected: Sequence[RejectedRow], most: int) -> list[str]:
    """Return what was wrong with rows that were left out: of many, equal reasons are counted."""
    if len(rejected) <= most:
        return [f"row {row.row + 1:,}: {row.error}" for row in rejected]
    reasons = {row.row: row.error.partition("; got ")[0].rstrip(".") for row in rejected}
    counted = Counter(reasons.values())
    first: dict[str, RejectedRow] = {}
    for row in rejected:
        first.setdefault(reasons[row.row], row)
    lines = []
    for reason, n in counted.most_common(most):
        example = f"row {first[reason].row + 1:,}: {first[reason].error}"
        lines.append(example if n == 1 else f"{n:,} rows: {reason}; the first is {example}")
    if len(counted) > most:
        n_more = len(counted) - most
        lines.append(f"and {n_more:,} more reason{'s' if n_more > 1 else ''}; --rejected FILE writes every row.")
    return lines
