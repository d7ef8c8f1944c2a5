"""Bench time against its floor, step by step, for the sequences of the end of the line.

The floor is what pack and protocol need on any station (station/run/floor.py); promised is a bench time of at most 1.05
times that. Both are in virtual time, so the figures are the same on every machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench_runs import rig

SEQUENCES = ("eol", "eol-full")
PROMISED = 1.05


def main() -> int:
    """Run both sequences on a good pack and print where each second goes; exit status 1 if one takes too long."""
    kept = True
    for sequence in SEQUENCES:
        with tempfile.TemporaryDirectory() as data, rig(sequence=sequence) as bench:
            record = bench.run(Path(data)).record
            floors = {planned.path: planned for top in bench.plan.steps for planned in top.walk()}
        print(f"{sequence}: {record.verdict} {record.reason}")
        print(f"  {'step':<48}{'floor s':>9}{'took s':>9}{'physics':>9}{'wires':>9}{'station':>9}")
        for step in record.steps:
            planned = floors[step.id]
            name = "  " * planned.depth + step.id.rpartition("/")[2]
            station = max(0.0, step.duration_s - step.physics_s - step.communication_s)
            spent = f"{step.physics_s:9.2f}{step.communication_s:9.2f}{station:9.2f}"
            print(f"  {name:<48}{planned.floor_s:9.2f}{step.duration_s:9.2f}{spent}")
        ratio = record.bench_time_s / record.floor_s
        kept = kept and ratio <= PROMISED and record.verdict == "PASS"
        print(
            f"{sequence}: bench time {record.bench_time_s:.1f} s, floor {record.floor_s:.1f} s, "
            f"ratio {ratio:.3f} (promised: at most {PROMISED})\n"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
