"""Anything of the pack goes astray in the end-of-line test, by any amount: nothing is claimed that is not so.

`pack_strays.py [--runs N] [--draw TEXT] [--only NUMBER] [--jobs N]`: in each run one parameter of cells, board, ports
or panel changes, at the start or at a random moment, for good or for a while. The verdict may be any: some of it harms
nothing, some comes too late to be seen, some looks like the bench. What the record says of safe state and thresholds
must be true, and nothing may be an error of the station itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from drawn import Drawn, program  # found by the line above
from draws import Draw, astray, between, near, one_of, times

PACK_STRAYS = 400
HAPPENS, NOT, STUCK = one_of(True), one_of(False), one_of("closed", "open")
CELLS, SENSORS, LAMPS, PORTS = (1, 7, 15), range(1, 7), ("RUN", "ALM", "L1", "L4"), ("rs485_a", "rs485_b", "rs232")
PROTECTIONS = (
    "cell_overvoltage", "cell_undervoltage", "pack_overvoltage", "pack_undervoltage", "charge_overcurrent",
    "discharge_overcurrent", "charge_overtemperature", "discharge_overtemperature", "charge_undertemperature",
    "discharge_undertemperature", "mosfet_overtemperature", "ambient_overtemperature", "ambient_undertemperature",
    "short_circuit", "charge_overcurrent_2", "discharge_overcurrent_2", "charger_overvoltage",
)  # fmt: skip
CELL: dict[str, Draw] = {
    "cells.capacity": times(0.3, 3), "cells.soc": one_of(0.0, 0.1, 0.5, 0.9, 1.0), "cells.r0": times(0.3, 30),
    "cells.joint": times(0.3, 50), "cells.r1": times(0.3, 20), "cells.r2": times(0.3, 20),
    "cells.leak": between(0.01, 5), "cells.temperature": one_of("0 degC", "40 degC", "80 degC"),
    "bms.adc.cell_offset": near(0, 0.5), "bms.adc.cell_wires": one_of("open"),
    "bms.adc.tap_resistance": between(0.01, 5), "bms.balancing.works": NOT, "bms.balancing.always": HAPPENS,
}  # fmt: skip
PROTECTION: dict[str, Draw] = {
    "enabled": NOT, "trip_shift": near(0, 5), "delay_factor": between(0.1, 10), "flag_hidden": HAPPENS,
}  # fmt: skip
MEASURING: dict[str, Draw] = {
    "cell_gain": near(1, 0.2), "cell_noise": between(1e-3, 0.3), "swapped_wire": one_of(1, 7, 14),
    "pack_voltage_gain": near(1, 0.2), "pack_voltage_offset": near(0, 5), "pack_voltage_noise": between(0.01, 3),
    "terminal_offset": near(0, 10), "current_gain": near(1, 0.5), "current_offset": near(0, 10),
    "current_noise": between(0.05, 20), "temperature_noise": between(0.1, 20), "frozen": HAPPENS,
}  # fmt: skip
MEMORY: dict[str, Draw] = {
    "forgets": HAPPENS, "ignores": HAPPENS, "wrong_by": one_of(1, 5, -3), "out_of_range": one_of("clipped", "taken"),
    "ordered": HAPPENS, "locked_by_protection": HAPPENS,
}  # fmt: skip
POWER: dict[str, Draw] = {
    "boot": between(0.2, 20), "sleeps": NOT, "wakes_after": between(0.2, 20), "reboots_above": between(5, 150),
    "standby": between(2, 100), "dead": HAPPENS,
}  # fmt: skip
KEY: dict[str, Draw] = {
    "dead": HAPPENS, "stuck": HAPPENS, "start": between(0.2, 5), "shutdown": between(0.5, 8), "reset": between(2, 15),
}  # fmt: skip
BOARD: dict[str, Draw] = {
    "charge_fet.stuck": STUCK, "discharge_fet.stuck": STUCK, "charge_fet.resistance": times(0.2, 100),
    "discharge_fet.resistance": times(0.2, 100), "limiter.enabled": NOT, "limiter.current": one_of(5.0, 30.0, 0.0),
    "limiter.low_gear": HAPPENS, "limiter.stuck": one_of("on", "off"), "overcurrent.trip_shift": near(0, 20),
    "recovery.after": one_of("10 s", "50 s", "70 s", "200 s"), "recovery.locks_after": one_of(1, 2),
    "balancing.displaced": one_of(1, 7, 14), "balancing.charging": NOT, "gauge.error": near(0, 30),
    "gauge.remaining": between(5, 200), "gauge.full": between(50, 150), "gauge.design": between(50, 150),
    "lamps.enabled": NOT, "buzzer.stuck": one_of("sounding"), "contacts.alarm.stuck": STUCK,
    "contacts.low.stuck": STUCK, "contacts.crossed": HAPPENS, "silent": HAPPENS, "cells": one_of(14, 16),
    "address_switch": one_of(0, 2, 7), "version": one_of("P15S100A-V9"),
}  # fmt: skip
PORT: dict[str, Draw] = {
    "deaf": HAPPENS, "mute": HAPPENS, "stuck": HAPPENS, "delay": between(0.05, 5), "address_error": one_of(1),
}  # fmt: skip
PACK_STRAY: dict[str, Draw] = {
    **{f"{name}[{cell}]": draw for cell in CELLS for name, draw in CELL.items()},
    **{f"bms.adc.temperature_offset[{sensor}]": near(0, 30) for sensor in SENSORS},
    **{f"bms.adc.sensors[{sensor}]": one_of("open", "short", "detached") for sensor in SENSORS},
    **{f"bms.protections.{each}.{name}": draw for each in PROTECTIONS for name, draw in PROTECTION.items()},
    **{f"bms.adc.{name}": draw for name, draw in MEASURING.items()},
    **{f"bms.memory.{name}": draw for name, draw in MEMORY.items()},
    **{f"bms.power.{name}": draw for name, draw in POWER.items()},
    **{f"bms.key.{name}": draw for name, draw in KEY.items()},
    **{f"bms.lamps.{lamp}": one_of("dark", "lit") for lamp in LAMPS},
    **{f"bms.{name}": draw for name, draw in BOARD.items()},
    **{f"lines.{port}.{name}": draw for port in PORTS for name, draw in PORT.items()},
    "pack.shunt": times(0.2, 20),
    "pack.bars": times(0.2, 20),
    "pack.breaker.resistance": times(0.2, 200),
    "pack.breaker.stuck": STUCK,
    "sockets.isolation": between(1, 1e6),
}
"""Parameters of the twin that are the pack's, and what may become of each."""


def pack_stray(number: int, draw: str) -> Drawn:
    """The stray of that number; always the same for the same text."""
    return astray(PACK_STRAY, number, draw, packs_own=True)


if __name__ == "__main__":
    sys.exit(program(pack_stray, "anything of the pack", PACK_STRAYS))
