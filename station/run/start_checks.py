"""What must be right with the bench before the first step."""

from __future__ import annotations

from station.actions.errors import BenchFault, Blocked
from station.actions.stage import Stage
from station.bench import NotAsNamed, make_safe
from station.model.bench import InstrumentEntry
from station.model.events import InstrumentFound
from station.model.record import Instrument

METER_RANGE, METER_CYCLES = 100.0, 1.0
"""Volts and power line cycles of the voltmeter: a full pack has up to 54.75 V, one cycle takes 20 ms."""


def check(stage: Stage) -> None:
    """Instruments are who they should be and in calibration, outputs off, E-stop chain closed, contactor not welded.

    What anybody has set and left behind is forgotten: an error in a queue, a range, a relay that is closed. What can
    let a current flow is reset first, the relays last. Raises Blocked or BenchFault.
    """
    bench = stage.bench
    for role, entry in bench.instruments():
        _see_calibration(stage, role, entry)
        _identify(stage, role, entry)
    for role in sorted((role for role, _ in bench.instruments()), key=_turn):
        bench.reset(role)
    if bench.has("voltmeter"):
        bench.voltmeter.prepare(METER_RANGE, METER_CYCLES)
    safe = make_safe(bench)
    if safe.trouble:
        raise (Blocked if safe.live else BenchFault)(safe.trouble[0])
    if bench.has("estop") and not stage.wiring.estop_closed():
        raise Blocked("the emergency stop chain is open: close it and start again")


def _turn(role: str) -> int:
    """When a role is reset."""
    return {"load": 0, "supply": 1, "switch": 3}.get(role, 2)


def _see_calibration(stage: Stage, role: str, entry: InstrumentEntry) -> None:
    until = entry.calibrated_until
    if until is not None and until < stage.scopes.utc().date():
        raise Blocked(f"the calibration of the {role} ran out on {until}: have it calibrated")


def _identify(stage: Stage, role: str, entry: InstrumentEntry) -> None:
    try:
        found = stage.bench.identify(role)
    except NotAsNamed as error:
        raise Blocked(str(error)) from None
    instrument = Instrument(
        role=role,
        model=found.model,
        serial_number=found.serial_number,
        firmware=found.firmware,
        address=entry.at,
        calibrated_until=str(entry.calibrated_until or ""),
    )
    stage.emit(InstrumentFound(at_s=stage.at_s, instrument=instrument))
