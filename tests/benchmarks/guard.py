"""From a stop to the outputs off, at 100 A into the load of a served twin, as read at the load itself."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "guard"))

from stop_bench import Run, ServedBench, served_bench, within  # noqa: E402 # found by the line above

from station.guard import Brief, Guard  # noqa: E402
from station.model.bench import Bench  # noqa: E402
from station.model.files import build, read  # noqa: E402
from station.model.library import Library  # noqa: E402
from station.run.plan import Files  # noqa: E402

RUNS = 5
STOPS: dict[str, tuple[Callable[[Run], None], float]] = {
    "SIGTERM": (lambda run: run.send(signal.SIGTERM), 0.5),
    "guard killed": (lambda run: os.kill(run.guard(), signal.SIGKILL), 0.5),
    "SIGKILL": (lambda run: run.send(signal.SIGKILL), 2.0),
    "SIGSTOP": (lambda run: run.send(signal.SIGSTOP), 2.0),
}
"""How a run is stopped, and in how many seconds the outputs must be off."""


def took(bench: ServedBench, data: Path, stop: Callable[[Run], None]) -> tuple[float, float]:
    """Seconds until the outputs are off, and until the contactor is open too."""
    with bench.flowing(data) as run:
        began = time.perf_counter()
        stop(run)
        within(10.0, bench.eye.outputs_off)
        off = time.perf_counter() - began
        within(10.0, bench.eye.safe)
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
        print(f"guard ready    {statistics.median(starts):.2f} s median, {max(starts):.2f} s at worst (at most 5 s)")
        for stop, (send, promised) in STOPS.items():
            runs = [took(bench, Path(name) / f"{stop}-{index}", send) for index in range(RUNS)]
            off, safe = (sorted(each) for each in zip(*runs, strict=True))
            met = "met" if off[-1] <= promised else "MISSED"
            print(
                f"{stop:<14} outputs off {statistics.median(off) * 1000:.0f} ms median, {off[-1] * 1000:.0f} ms at worst "
                f"(promised {promised * 1000:.0f} ms: {met}); contactor open {statistics.median(safe) * 1000:.0f} ms"
            )


if __name__ == "__main__":
    main()
