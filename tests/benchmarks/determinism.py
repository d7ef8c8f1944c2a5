"""The same run again and again, idle and under load: everything that was measured must be the same to the last byte.

`determinism.py [N]`: N runs (20), each in a process of its own; the second half beside processes that burn every core.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

RUNS = 20
BURNERS_A_CORE = 1
BURN_AT_MOST = 600.0
"""Wall seconds after which a burner ends even if nobody ends it."""
SERIAL = "BALI48-000001"
OF_THE_MOMENT = frozenset({"run", "started_at", "ended_at", "attempt", "earlier_runs", "instruments"})
"""What is another in each run and was not measured: names, wall clocks, and the ports at which the twin answers."""
TIME_OF_DAY = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""What a step says that it wrote into the pack's own clock."""


def essence(record: bytes) -> bytes:
    """What must be the same in each run: measurements, times of steps, waveforms, all but what is of the moment."""
    kept = {key: value for key, value in json.loads(record).items() if key not in OF_THE_MOMENT}
    return TIME_OF_DAY.sub(b"", json.dumps(kept, sort_keys=True).encode())


def digest(_: int) -> str:
    """Carry out one run and give the hash of its essence."""
    from station.cli.simulate import read_simulated, serving
    from station.clock import Scopes, VirtualClock
    from station.model.bench import Bench
    from station.model.files import build
    from station.model.library import Library
    from station.run.plan import Files, make_plan
    from station.run.session import Request, carry_out

    files = Files(Library.default())
    bench = build(files.open("bench", "simulated"), Bench)
    plan = make_plan(files, "eol", bench, SERIAL)
    clock = VirtualClock()
    simulated = read_simulated(files, "factory_fresh", (), 1)
    with (
        tempfile.TemporaryDirectory() as data,
        serving(bench, plan.pack, plan.protocol, simulated, clock, SERIAL) as world,
    ):
        _outcome, record, _folder = carry_out(Request(plan, SERIAL, Path(data)), world.served(bench), Scopes(clock))
    return sha256(essence(record.canonical())).hexdigest()


@contextmanager
def burning() -> Iterator[None]:
    """While the block runs, every core has other things to do."""
    spawn = multiprocessing.get_context("spawn")
    burners = [spawn.Process(target=_burn, daemon=True) for _ in range(BURNERS_A_CORE * (os.cpu_count() or 1))]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def _burn() -> None:
    ends = time.perf_counter() + BURN_AT_MOST
    while time.perf_counter() < ends:
        pass


def digests(runs: int) -> list[str]:
    """The hash of each run, one after the other, each in a new process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.map(digest, range(runs), chunksize=1)


def main() -> int:
    """Print how many runs were identical; exit status 1 if not all were."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    idle = runs - runs // 2
    found = digests(idle)
    with burning():
        found += digests(runs - idle)
    most = Counter(found).most_common(1)[0][1]
    print(f"identical   {most} of {runs} runs, {idle} idle and {runs - idle} under load (target: all)")
    return 0 if most == runs else 1


if __name__ == "__main__":
    sys.exit(main())
