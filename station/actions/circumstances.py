"""Circumstances that a test needs and that are not the pack's fault: required, checked early, never held against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median

from station.actions.current import supply_alone
from station.actions.errors import Blocked
from station.actions.measuring import TEMPERATURE_STEP
from station.actions.stage import Reading, Stage
from station.model.limits import judge
from station.model.verdict import Verdict


def _serial_number(stage: Stage) -> None:
    stored = stage.port.bms.text(stage.pack.serial_number.stored_in)
    stage.identified(serial_number=stored)
    if stored and stored != stage.serial_number:
        raise Blocked(
            f"serial number {stage.serial_number} was scanned, the pack says it is {stored}: scan its label again"
        )
    stage.found.known.add("serial_number")


def _product(stage: Stage) -> None:
    if not stage.pack.serial_number.fits(stage.serial_number):
        raise Blocked(f"{stage.serial_number} is no serial number of {stage.pack.pack}")
    said, wanted = stage.readings().design_capacity, stage.pack.limits["design_capacity"].is_
    if not wanted.contains(said):
        raise Blocked(
            f"the pack on the bench has {said:g} Ah by design, a {stage.pack.pack} has {wanted}: another product"
        )


def _address(stage: Stage) -> None:
    """The pack answered at the address of the bench file, so there is nothing left to ask."""
    stage.readings()


def _temperature(row: str) -> Callable[[Stage], None]:
    def check(stage: Stage) -> None:
        is_, readings = stage.pack.limits[row].is_, stage.readings()
        cells = readings.cell_temperatures
        outside = next((said for said in cells if not is_.contains(said)), cells[0])
        worst = outside if readings.sensors_agree else median(cells)
        reading = Reading(worst, "degC", TEMPERATURE_STEP)
        _see(stage, row, reading, f"a cell has {worst:.1f} degC", "wait for room temperature")

    return check


def see_that_it_is_not_the_room(stage: Stage) -> None:
    """Raise Blocked where all cells agree on a temperature at which nothing can be tested: what else the pack shows,
    such as an alarm, may come of that.
    """
    row, readings = stage.pack.limits.get("test_temperature"), stage.readings(fresh=True)
    celsius = median(readings.cell_temperatures)
    if row is None or row.is_.contains(celsius) or not readings.sensors_agree:
        return
    raise Blocked(f"the cells have {celsius:.1f} degC, test temperature is {row.is_}: wait for room temperature")


def _charger(stage: Stage) -> None:
    """The supply alone, as a charger that is set and measured before it is connected (manual 6-8)."""
    is_ = stage.pack.limits["charger_voltage"].is_
    wanted = ((is_.low or 0.0) + (is_.high or 0.0)) / 2
    with supply_alone(stage, wanted, stage.current("standard")):
        value = stage.wiring.volts("supply_side")
    reading = Reading(value, "V", stage.bench.u("supply_side", "voltage", value), "switch")
    _see(stage, "charger_voltage", reading, f"the supply was set to {wanted:.2f} V and gives {value:.2f} V", "check it")


def _see(stage: Stage, name: str, reading: Reading, found: str, hint: str) -> None:
    """Keep a circumstance that its row of the pack file accepts; raises Blocked for any other."""
    row = stage.pack.limits[name]
    if judge(reading.value, row.is_, reading.uncertainty, stage.pack.decision).verdict is Verdict.FAIL:
        raise Blocked(f"{found}, {name.replace('_', ' ')} is {row.is_}: {hint}")
    stage.judge(name, reading)


def _breaker(stage: Stage) -> None:
    value = stage.bench.voltmeter.voltage()
    if stage.pack.limits["breaker_off_voltage"].is_.contains(abs(value)):
        raise Blocked(f"the lamps are lit and the terminals have {value:.1f} V: switch the breaker on")


REQUIREMENTS: Mapping[str, tuple[Callable[[Stage], None], frozenset[str]]] = {
    "serial_number": (_serial_number, frozenset()),
    "product": (_product, frozenset()),
    "address": (_address, frozenset()),
    "charge_temperature": (_temperature("charge_temperature"), frozenset()),
    "discharge_temperature": (_temperature("discharge_temperature"), frozenset()),
    "test_temperature": (_temperature("test_temperature"), frozenset()),
    "charger_voltage": (_charger, frozenset({"supply", "supply_side", "contactor"})),
    "breaker_on": (_breaker, frozenset({"voltmeter"})),
}
"""Circumstances that `require` can look at; what is not the pack's fault is required and never measured."""


def require(stage: Stage) -> None:
    """See that every circumstance holds; raises Blocked with a hint."""
    for name in stage.step.require:
        REQUIREMENTS[name][0](stage)
