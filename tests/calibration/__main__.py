"""Measure how often the product and others alarm falsely, and how soon they hear a drift.

python -m tests.calibration --quick
python -m tests.calibration --healthy 1000 --drifted 300 --processes 2 --json calibration.json
"""

import argparse
import json
import sys
import time
from pathlib import Path

from tests.calibration.boards import BoardSetting
from tests.calibration.detectors import AVAILABLE
from tests.calibration.figures import targets
from tests.calibration.measuring import FirstAlarms, measure
from tests.calibration.report import as_json, delay_table, false_alarm_table, target_table
from tests.calibration.streams import DRIFTED, HEALTHY, N_REFERENCES, Setting

BOARDS = tuple(BoardSetting(n_reference=n) for n in N_REFERENCES)
DRIFTING_BOARDS = tuple(BoardSetting(n_reference=5_000, drift=drift) for drift in ("mean +.25 sd", "mean +1 sd"))


def main() -> int:
    """Measure the settings asked for; 0 if every promise about them was kept."""
    given = _arguments()
    every = [*HEALTHY, *BOARDS, *DRIFTED, *DRIFTING_BOARDS]
    settings = [setting for setting in every if given.only in setting.name]
    if not settings:
        print(f"--only must be part of the name of a setting; got {given.only!r}. They are:", file=sys.stderr)
        print(*(setting.name for setting in every), sep="\n", file=sys.stderr)
        return 2
    if not AVAILABLE and not given.alone:
        print("The detectors of river are left out: pip install river to measure them too.", file=sys.stderr)
    measured: dict[str, dict[str, FirstAlarms]] = {"healthy": {}, "drifted": {}}
    began = time.monotonic()

    def n_lives(setting: Setting | BoardSetting) -> int:
        return given.drifted if setting.drift else given.healthy

    measured_lives = measure(settings, n_lives, given.processes, alone=given.alone)
    for k, (setting, first) in enumerate(measured_lives, start=1):
        measured["drifted" if setting.drift else "healthy"][setting.name] = first
        took = f"{time.monotonic() - began:.0f} s"
        print(f"{k} of {len(settings)}, {took}: {n_lives(setting):,} lives of {setting.name}", file=sys.stderr)
    return _told(measured["healthy"], measured["drifted"], given.json)


def _told(healthy: dict[str, FirstAlarms], drifted: dict[str, FirstAlarms], file: Path | None) -> int:
    promises = targets(healthy, drifted)
    if healthy:
        print("Healthy lives of 20,000 rows that heard an alarm, per cent (95 % interval)\n")
        print(false_alarm_table(healthy), end="\n\n")
    if drifted:
        print("Rows from the change to the alarm: median (ninth decile), over lives silent until the change\n")
        print(delay_table(drifted), end="\n\n")
    print(target_table(promises))
    if file:
        file.write_text(json.dumps(as_json(healthy, drifted, promises), indent=1) + "\n", encoding="utf-8")
    return 0 if all(promise.met for promise in promises) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.calibration", description=__doc__.splitlines()[0])
    parser.add_argument("--healthy", type=int, default=1_000, metavar="N", help="healthy lives per setting")
    parser.add_argument("--drifted", type=int, default=300, metavar="N", help="lives per drift")
    parser.add_argument("--only", default="", metavar="NAME", help="only settings whose name contains this")
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--quick", action="store_true", help="a tenth of the lives")
    parser.add_argument("--alone", action="store_true", help="this product only, not the rules of others")
    given = parser.parse_args()
    if given.quick:
        given.healthy, given.drifted = max(given.healthy // 10, 1), max(given.drifted // 10, 1)
    for name in ("healthy", "drifted", "processes"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} must be at least 1; got {getattr(given, name)}.")
    return given


if __name__ == "__main__":
    sys.exit(main())
