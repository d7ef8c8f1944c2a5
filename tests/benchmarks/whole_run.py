"""Wall time of a whole end-of-line test on the simulated bench, from the shell's point of view, and where it goes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RUNS = 5
AT_MOST = 6.0
SERIAL = "BALI48-000001"


def whole(data: Path) -> tuple[float, dict[str, Any]]:
    """Wall seconds of `station run` as a process, and what it said."""
    command = ["run", "eol", "--serial", SERIAL, "--bench", "simulated", "--json", "--data", str(data)]
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", "station", *command], cwd=ROOT, capture_output=True, text=True)
    took = time.perf_counter() - began
    return took, json.loads(ran.stdout)


def split(data: Path) -> dict[str, float]:
    """Wall seconds of each part, in this process, which must not have imported anything of the station before."""
    took: dict[str, float] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[part] = time.perf_counter() - began

    with timed("imports"):
        import station.cli.main
        import station.cli.run  # noqa: F401 # what the command itself imports before it looks at its arguments
        from station.cli.simulate import read_simulated, serving
        from station.clock import Scopes, VirtualClock
        from station.model.bench import Bench
        from station.model.files import build
        from station.model.library import Library
        from station.model.record import Simulation
        from station.report.keys import KeyStore
        from station.report.wording_file import load_wording
        from station.run.plan import Files, make_plan
        from station.run.session import Request, carry_out
    with timed("plan"):
        files = Files(Library.default())
        bench = build(files.open("bench", "simulated"), Bench)
        plan = make_plan(files, "eol", bench, SERIAL)
        simulated = read_simulated(files, "factory_fresh", (), 1)
    with timed("run"):
        clock = VirtualClock()
        with serving(bench, plan.pack, plan.protocol, simulated, clock, SERIAL) as world:
            request = Request(plan, SERIAL, data, simulation=Simulation(twin="factory_fresh", seed=1, time="virtual"))
            _, record, folder = carry_out(request, world.served(bench), Scopes(clock))
    with timed("certificate"):
        from station.report.write import write_certificate

        wording = load_wording(files.library.find("report", "certificate"))
        write_certificate(record, folder.certificate, KeyStore(data / "keys"), wording)
    return took


def main() -> None:
    """Print how long whole runs took, and the parts of one."""
    with tempfile.TemporaryDirectory() as name:
        runs = [whole(Path(name)) for _ in range(RUNS)]
        parts = split(Path(name))
    seconds = sorted(took for took, _ in runs)
    best, median, worst = seconds[0], statistics.median(seconds), seconds[-1]
    met = "met" if median < AT_MOST else "MISSED"
    print(
        f"whole run   {best:.2f} s at best, {median:.2f} s median, {worst:.2f} s at worst (under {AT_MOST:g} s: {met})"
    )
    print("            {verdict} in {bench_time_s:.1f} s on the bench's own clock".format(**runs[0][1]))
    print(f"one split   {', '.join(f'{part} {took:.2f} s' for part, took in parts.items())}")


if __name__ == "__main__":
    main()
