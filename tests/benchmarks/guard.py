"""From a stop at full discharge current to the safe state, on a served twin, as its instruments say themselves."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from station.guard import Brief, Guard
from station.guard._guard import READY_WITHIN
from station.model.bench import Bench
from station.model.files import build, read
from station.model.library import Library
from station.run.plan import Files

sys.path.insert(0, str(Path(__file__).parents[1] / "guard"))

from stop_bench import Run, ServedBench, served_bench, within  # found by the line above

RUNS = 5
STOPS: dict[str, tuple[Callable[[Run], None], float]] = {
    "SIGTERM": (lambda run: run.send(signal.SIGTERM), 0.5),
    "guard killed": (lambda run: os.kill(run.guard(), signal.SIGKILL), 0.5),
    "SIGKILL": (lambda run: run.send(signal.SIGKILL), 2.0),
    "SIGSTOP": (lambda run: run.send(signal.SIGSTOP), 2.0),
}
"""How a run is stopped, and in how many seconds the bench must be safe."""


def took(bench: ServedBench, data: Path, stop: Callable[[Run], None]) -> tuple[float, float]:
    """Seconds until the outputs are off, and until the contactor is open too."""
    with bench.flowing(data) as run:
        began = time.perf_counter()
        stop(run)
        within(10.0, bench.eye.outputs_off, 0.002)
        off = time.perf_counter() - began
        within(10.0, bench.eye.safe, 0.002)
        return off, time.perf_counter() - began


def ready(bench: ServedBench, data: Path) -> float:
    """Seconds until a guard is ready."""
    files = Files(Library.default())
    file = build(read(bench.file), Bench)
    protocol = files.protocol(files.pack("bali48"))
    began = time.perf_counter()
    with Guard(Brief(file, 1, protocol, 15, os.getpid(), data, 0.0, watch_estop=True), print):
        return time.perf_counter() - began


def main() -> None:
    """Print medians and the worst, beside what is promised."""
    with tempfile.TemporaryDirectory() as name, served_bench(Path(name)) as bench:
        os.environ.setdefault("STATION_KEYS", str(Path(name) / "keys"))
        starts = [ready(bench, Path(name) / f"guard-{index}.jsonl") for index in range(RUNS)]
        median, worst = statistics.median(starts), max(starts)
        print(f"guard ready    {median:.2f} s median, {worst:.2f} s at worst (at most {READY_WITHIN:g} s)")
        for stop, (send, promised) in STOPS.items():
            runs = [took(bench, Path(name) / f"{stop}-{index}", send) for index in range(RUNS)]
            off, safe = (sorted(each) for each in zip(*runs, strict=True))
            met = "met" if safe[-1] <= promised else "MISSED"
            print(
                f"{stop:<14} outputs off {statistics.median(off):.3f} s median, {off[-1]:.3f} s at worst; "
                f"all safe {statistics.median(safe):.3f} s, {safe[-1]:.3f} s (at most {promised:g} s: {met})"
            )


if __name__ == "__main__":
    main()
