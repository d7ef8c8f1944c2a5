"""How fast the twin alone goes through a charge: nobody asks it anything, its world only moves on."""

from __future__ import annotations

import statistics
import time

from station.clock import VirtualClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.run.plan import Files
from station.twin.states import read_state
from station.twin.world import Twin

SECONDS = 1000.0
AT_MOST = 2.0
ROUNDS = 3
AMPERES = 20.0
CONTACTOR = 201


def charging() -> tuple[Twin, VirtualClock]:
    """A pack that was started and takes 20 A."""
    files = Files(Library.default())
    pack = files.pack("bali48")
    clock = VirtualClock()
    state = read_state("shipped_30pct", files.library)
    bench = build(files.open("bench", "simulated"), Bench)
    twin = Twin(bench, pack, files.protocol(pack), state, clock, serial_number="BALI48-000001")
    twin.awaken()
    twin.switch.execute(f"ROUT:CLOS (@{CONTACTOR})")
    for command in (":CONF:REM ON", ":SOUR:VOLT 54", f":SOUR:CURR {AMPERES}", ":CONF:OUTP ON"):
        twin.supply.execute(command)
    clock.wait(1.0)
    return twin, clock


def charge() -> tuple[float, float]:
    """Wall and CPU seconds that the charge took."""
    twin, clock = charging()
    soc = float(twin.cells.soc.mean())
    began, used = time.perf_counter(), time.process_time()
    clock.wait(SECONDS)
    took = time.perf_counter() - began, time.process_time() - used
    charged = (float(twin.cells.soc.mean()) - soc) * 100
    assert abs(charged - AMPERES * SECONDS / 3600) < 0.5, f"{charged:.2f} Ah went in"
    twin.stop()
    return took


def main() -> None:
    """Print the wall time, what it is compared with, and how much faster than real time that is."""
    wall, used = map(statistics.median, zip(*(charge() for _ in range(ROUNDS)), strict=True))
    met = "met" if wall < AT_MOST else "MISSED"
    print(f"twin alone  {wall:.2f} s for {SECONDS:g} s of a charge (under {AT_MOST:g} s: {met}), {used:.2f} s of CPU")
    print(f"            {SECONDS / wall:.0f} times real time")


if __name__ == "__main__":
    main()
