"""What the twin costs in wall time, and how punctual it is, while a client polls it as a run does in a trip.

`wall_time.py [SECONDS]`: the twin in a process of its own, its pack discharged at 20 A; the client reads the load every
10 ms, the lamps ten times a second and the BMS once a second. Punctuality is seen from outside: the load takes 2 ms for
an answer, and what comes later than that is the twin's lateness with the way there and back.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from station.bench import OpenBench, Wiring
from station.cli.simulate import read_simulated, serving
from station.clock import Scopes, WallClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.run.plan import Files

SECONDS = 10.0
AT_MOST = 0.20
"""Share of one core that one bench may take."""
RESOLUTION = 0.001
"""Seconds; an answer may be no later than this, in the median."""
SERIAL = "BALI48-000001"
AMPERES = 20.0
LOAD_EVERY, LAMPS_EVERY, BMS_EVERY = 0.01, 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds that the twin took, and wall seconds that passed meanwhile."""

    cpu: float
    wall: float


def serve(pipe: Connection) -> None:
    """Serve an awake pack; tell the bench, then at each word the CPU seconds so far, until the pipe ends."""
    files = Files(Library.default())
    bench = build(files.open("bench", "simulated"), Bench)
    pack = files.pack("bali48")
    simulated = read_simulated(files, "factory_fresh", (), 1)
    with serving(bench, pack, files.protocol(pack), simulated, WallClock(), SERIAL) as twin:
        twin.awaken()
        pipe.send(twin.served(bench))
        while pipe.recv():
            pipe.send((time.process_time(), twin.load.response_time))


@contextmanager
def twin_elsewhere() -> Iterator[tuple[Bench, Callable[[], tuple[float, float]]]]:
    """The served bench, and a function that tells the CPU seconds of its process and the load's own time."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    bench: Bench = here.recv()

    def told() -> tuple[float, float]:
        here.send(True)
        cpu, response = here.recv()
        return cpu, response

    try:
        yield bench, told
    finally:
        here.send(False)
        process.join()


def poll(bench: OpenBench, seconds: float) -> list[float]:
    """Poll for so long; the seconds that each reading of the load took."""
    wiring, pack, took = Wiring(bench), bench.port("rs485_a").bms, list[float]()
    stop = threading.Event()
    reader = threading.Thread(target=lambda: [pack.readings() for _ in iter(lambda: stop.wait(BMS_EVERY), True)])
    reader.start()
    begun = time.monotonic()
    for turn in range(round(seconds / LOAD_EVERY)):
        time.sleep(max(0.0, begun + turn * LOAD_EVERY - time.monotonic()))
        asked = time.monotonic()
        amperes = bench.load.current()
        took.append(time.monotonic() - asked)
        assert amperes > 0.9 * AMPERES, f"{amperes} A: the pack has stopped"
        if turn % round(LAMPS_EVERY / LOAD_EVERY) == 0:
            wiring.lamps()
    stop.set()
    reader.join()
    return took


def main() -> None:
    """Print the share of a core and the lateness."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    files, clock = Files(Library.default()), WallClock()
    pack = files.pack("bali48")
    with twin_elsewhere() as (served, told):
        bench = OpenBench(served, 1, files.protocol(pack), pack.cells, clock, Scopes(clock))
        before, _ = told()
        time.sleep(2.0)
        idle = (told()[0] - before) / 2.0
        Wiring(bench).switched("contactor", True)
        bench.load.prepare(150.0, 9000.0)
        bench.load.set_current(AMPERES)
        bench.load.on()
        time.sleep(1.0)
        before, response = told()
        begun = time.monotonic()
        took = poll(bench, seconds)
        share = (told()[0] - before) / (time.monotonic() - begun)
        bench.load.off()
        bench.close()
    late = sorted(each - response for each in took)
    median, worst = statistics.median(late), late[int(0.99 * len(late))]
    cheap, punctual = share < AT_MOST, median < RESOLUTION
    print(f"wall time   {share:.1%} of one core while polled (under {AT_MOST:.0%}: {'met' if cheap else 'MISSED'}),")
    print(f"            {idle:.1%} while nobody asks; {len(took)} readings of the load in {seconds:g} s")
    print(
        f"punctual    answers {1000 * median:.2f} ms late in the median, {1000 * worst:.2f} ms at the 99th percentile"
    )
    print(f"            (a step is {1000 * RESOLUTION:g} ms: {'met' if punctual else 'MISSED'})")


if __name__ == "__main__":
    main()
