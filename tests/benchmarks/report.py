"""The table for people."""

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.questions import QUESTIONS
from tests.benchmarks.targets import targets, times


def table(result: dict[str, Any]) -> str:
    """Return everything a run has measured, as Markdown."""
    machine = result["machine"]
    load = " / ".join(f"{value:.1f}" for value in machine["load"])
    head = (
        f"{machine['n_cores']} cores, {machine['database']}, Python {machine['python']}; "
        f"load before and after: {load}. 12 numeric and 4 categorical columns, reference of 100,000 rows."
    )
    return "\n\n".join([head, _ingest(result), *(_log(log) for log in result["logs"]), _targets(result)])


def _ingest(result: dict[str, Any]) -> str:
    lines = [(way, f"{rate:,.0f}") for way, rate in result["ingest"].items()]
    lines += [
        (f"batches of 100,000, up to {log['n_rows']:,} rows", f"{log['rows_per_s']:,.0f}") for log in result["logs"]
    ]
    return _markdown(("rows go in", "rows a second"), lines)


def _log(log: dict[str, Any]) -> str:
    lines = []
    for question, measured in log["questions"].items():
        ours, theirs = measured["ours"], measured.get("pandas")
        line = [QUESTIONS[question], _ms(ours["warm_s"]), _ms(ours["cold_s"]), f"{ours['peak_mb']:,.0f}"]
        if theirs is None:
            line += ["-"] * 4
        else:
            line += [_ms(theirs["warm_s"]), f"{theirs['peak_mb']:,.0f}", f"{times(log, question):,.0f}x"]
            line += [f"{measured['largest_difference']:.1e}"]
        lines.append(line)
    for peer in log.get("peers", ()):
        lines.append(_peer(log, peer))
    head = ("", "warm, ms", "cold, ms", "MB", "others, ms", "MB", "faster", "KS differs by")
    said = f"{log['bytes_per_row']:.0f} bytes a row; the first look at new rows takes {log['first_look_s']:.1f} s"
    return f"**{log['n_rows']:,} rows**, {said}\n\n{_markdown(head, lines)}"


def _peer(log: dict[str, Any], peer: dict[str, Any]) -> list[str]:
    seconds, mine = peer["seconds"], log["questions"][peer["question"]]["ours"]["warm_s"]
    what = f"{QUESTIONS[peer['question']]}: {peer['peer']} {peer['version']}" + ", estimated" * peer["estimated"]
    return [what, "-", "-", "-", _ms(seconds), f"{peer['peak_mb']:,.0f}", f"{seconds / mine:,.0f}x", "-"]


def _targets(result: dict[str, Any]) -> str:
    said = {True: "met", False: "missed", None: "not measured"}
    lines = []
    for target in targets(result):
        must = f"{'>=' if target.at_least else '<='} {target.must_be:,g}"
        lines.append(
            (target.name, must, "-" if target.measured is None else f"{target.measured:,.4g}", said[target.met])
        )
    return _markdown(("target", "must be", "measured", ""), lines)


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[k]) for line in [head, *lines]) for k in range(len(head))]
    told = [head, ["-" * width for width in widths], *lines]
    return "\n".join(f"| {' | '.join(f'{cell:<{w}}' for cell, w in zip(line, widths, strict=True))} |" for line in told)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.1f}" if seconds < 0.1 else f"{1000 * seconds:,.0f}"
