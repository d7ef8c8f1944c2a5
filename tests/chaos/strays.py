"""Anything of the bench goes astray in the end-of-line test of a good pack, by any amount: never a FAIL of the pack.

`strays.py [--runs N] [--draw TEXT] [--only NUMBER] [--jobs N]`: in each run one parameter of the simulated leads,
contactors, instruments, sensors or of the station's own lines changes, at the start or at a random moment, for good or
for a while. Left out is what only a golden pack can show: a blind light sensor, a key actuator that is stuck.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawn import Drawn, program  # found by the line above
from draws import Draw, astray, between, near, one_of, times

STRAYS = 500
HAPPENS, STUCK = one_of(True), one_of("closed", "open")
LINES = ("rs485_a", "rs485_b", "rs232")
CHANNELS = (*range(101, 113), 201, *range(203, 206))
"""What the switch unit of the simulated bench is wired to, but for the key: it reads back what it was told."""
POWERED: dict[str, Draw] = {
    "gain": near(1, 0.2), "offset": near(0, 10), "voltmeter.gain": near(1, 0.2), "voltmeter.offset": near(0, 10),
    "voltmeter.noise": between(0.01, 10), "ammeter.noise": between(0.01, 10), "voltmeter.set_gain": near(1, 0.2),
    "ammeter.set_gain": near(1, 0.2), "voltmeter.set_offset": near(0, 10), "ammeter.set_offset": near(0, 10),
    "voltmeter.frozen": HAPPENS, "ammeter.frozen": HAPPENS,
}  # fmt: skip
ANY_INSTRUMENT: dict[str, Draw] = {
    "identity": one_of("Somebody,Else,1,1"), "response_time": between(0.005, 3), "silent": HAPPENS, "garbled": HAPPENS,
}  # fmt: skip
DIGITISER: dict[str, Draw] = {
    "gain": near(1, 0.3), "offset": near(0, 5), "noise": between(1, 1e5), "frozen": HAPPENS, "overload": HAPPENS,
}  # fmt: skip
CABLE: dict[str, Draw] = {
    "cut": HAPPENS, "silent": HAPPENS, "delay": between(0.02, 4), "garbled": between(0.005, 0.3),
    "closed_after": one_of(50, 500, 5000),
}  # fmt: skip
LINE: dict[str, Draw] = {
    "cut": HAPPENS, "echo": HAPPENS, "bit_errors": between(0.001, 0.3), "one_behind": HAPPENS,
    "loop_back_broken": HAPPENS,
}  # fmt: skip
CIRCUIT: dict[str, Draw] = {
    "lead": times(0.2, 100), "contact": times(0.2, 200), "supply_lead": between(1e-4, 0.3),
    "load_lead": between(1e-4, 0.3), "shunt": times(0.5, 2), "lead_open": HAPPENS, "reversed": HAPPENS,
    "sense_open": HAPPENS, "sense_reversed": HAPPENS, "meter": between(1e3, 1e6), "main.stuck": STUCK,
    "supply_contactor.stuck": STUCK, "load_contactor.stuck": STUCK, "main.resistance": between(1e-3, 0.1),
}  # fmt: skip
STRAY: dict[str, Draw] = {
    **{f"circuit.{name}": draw for name, draw in CIRCUIT.items()},
    **{f"{role}.{name}": draw for role in ("supply", "load") for name, draw in POWERED.items()},
    **{f"{role}.digitiser.{name}": draw for role in ("voltmeter", "switch") for name, draw in DIGITISER.items()},
    **{f"switch.relays.stuck.{channel}": STUCK for channel in CHANNELS},
    **{f"lines.{line}.{name}": draw for line in LINES for name, draw in LINE.items()},
    **{
        f"{prefix}{role}.{name}": draw
        for role in ("supply", "load", "voltmeter", "switch")
        for prefix, rows in (("", ANY_INSTRUMENT), ("connections.", CABLE))
        for name, draw in rows.items()
    },
    "watchdog.drops_after": between(0.1, 4),
    "supply.trips": one_of("ovp", "ocp", "opp", "otp"),
    "supply.power": between(10, 4000),
    "load.trips": one_of("ovp", "ocp", "opp", "otp", "reverse"),
    "voltmeter.range_stuck": one_of(0.1, 1.0, 10.0, 1000.0),
    "sensors.estop_closed": one_of(False),
    "sensors.probe_error": near(0, 15),
}
"""Parameters of the twin that are the bench's, and what may become of each."""


def stray(number: int, draw: str) -> Drawn:
    """The stray of that number; always the same for the same text."""
    return astray(STRAY, number, draw)


if __name__ == "__main__":
    sys.exit(program(stray, "anything of the bench", STRAYS))
