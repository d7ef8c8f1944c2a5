"""Everything that can be measured, recorded or required by name: what takes it, and which roles that needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from station.actions.errors import BenchFault, Blocked
from station.actions.stage import Reading, Stage
from station.model.pack import Pack

CELL_STEP = 0.001
"""Volts of one bit of a cell voltage (PACE Modbus V1.3, registers 15..30)."""
PACK_STEP = 0.01
"""Volts of one bit of the pack voltage (register 1)."""
CURRENT_STEP = 0.01
"""Amperes of one bit of the current (register 0)."""
TEMPERATURE_STEP = 0.1
SEEN_WITHIN = 0.3
"""Seconds after which the pack's own readings show a current that has just begun to flow."""
CELL_AT_LEAST = 0.5
"""Volts above which a cell register shows a cell (an absent one reads 0)."""
FULL_SOC = 100.0
"""A pack inside the factory window is full: it rests there only on the last 0.4 % of its charge (15 cells, LiFePO4)."""


@dataclass(frozen=True, slots=True)
class Measurand:
    """How a value is taken, and which roles that needs."""

    take: Callable[[Stage], Reading]
    roles: frozenset[str] = frozenset()


def volts(stage: Stage) -> Reading:
    """Voltage at the pack's own terminals, by the voltmeter."""
    value = stage.bench.voltmeter.voltage()
    return Reading(value, "V", stage.bench.u("voltmeter", "voltage", value), "voltmeter")


def _polarity(stage: Stage) -> Reading:
    value = stage.bench.voltmeter.voltage()
    word = "positive" if value > 1 else "negative" if value < -1 else "no voltage"
    return Reading(word, witness="voltmeter")


def _case(stage: Stage) -> Reading:
    value = abs(stage.wiring.volts("case"))
    return Reading(value, "V", stage.bench.u("case", "voltage", value), "switch")


def _pack_voltage_error(stage: Stage) -> Reading:
    said, meter = stage.readings(fresh=True).pack_voltage, volts(stage)
    return _difference(said, PACK_STEP, meter)


def _cell_sum_error(stage: Stage) -> Reading:
    cells = stage.readings().cell_voltages
    return _difference(sum(cells), CELL_STEP * math.sqrt(len(cells)), volts(stage))


def _difference(said: float, step: float, meter: Reading) -> Reading:
    """What the pack says minus what the instrument says; half a bit of the pack's register adds to the uncertainty."""
    assert isinstance(meter.value, float)
    uncertainty = None if meter.uncertainty is None else math.hypot(meter.uncertainty, step / math.sqrt(3))
    return Reading(said - meter.value, meter.unit, uncertainty, f"pack against {meter.witness}")


def _spread(stage: Stage) -> Reading:
    cells = stage.readings(fresh=True).cell_voltages
    return Reading(max(cells) - min(cells), "V", CELL_STEP, "pack")


def ambient(stage: Stage) -> Reading:
    """Temperature beside the pack."""
    value = stage.wiring.ambient()
    return Reading(value, "degC", stage.bench.u("ambient", "temperature difference", value), "switch")


def _temperature_error(stage: Stage) -> Reading:
    beside = ambient(stage)
    assert isinstance(beside.value, float)
    worst = max((said - beside.value for said in stage.readings().cell_temperatures), key=abs)
    uncertainty = (
        None if beside.uncertainty is None else math.hypot(beside.uncertainty, TEMPERATURE_STEP / math.sqrt(3))
    )
    return Reading(worst, "K", uncertainty, "pack against switch")


def _current_zero(stage: Stage) -> Reading:
    return Reading(stage.readings(fresh=True).current, "A", CURRENT_STEP, "pack")


def shunt(stage: Stage) -> Reading:
    """Current through the bench's own shunt, positive while charging."""
    value = stage.wiring.shunt_current()
    return Reading(value, "A", stage.bench.u("shunt", "current", value), "shunt")


def _current_error(stage: Stage) -> Reading:
    stage.pause(SEEN_WITHIN)
    before = shunt(stage)
    said = stage.readings(fresh=True).current
    after = shunt(stage)
    assert isinstance(before.value, float)
    assert isinstance(after.value, float)
    return ammeter_error(said, replace(before, value=(before.value + after.value) / 2))


def ammeter_error(said: float, true: Reading) -> Reading:
    """What the pack's ammeter says against what the shunt says, in percent of that; raises BenchFault without a
    current.
    """
    assert isinstance(true.value, float)
    if abs(true.value) < 1:
        raise BenchFault(f"only {true.value:.2f} A flow, so the pack's ammeter cannot be compared")
    doubt = None if true.uncertainty is None else math.hypot(true.uncertainty, CURRENT_STEP / 2)
    error = 100 * (said - true.value) / true.value
    return Reading(error, "%", None if doubt is None else 100 * doubt / abs(true.value), "pack against shunt")


def _soc_error(stage: Stage) -> Reading:
    return Reading(stage.readings().soc - FULL_SOC, "%", 0.5, "pack against its factory charge")


def _fault_flags(stage: Stage) -> Reading:
    faults = sorted(flag for flag in stage.readings().status if flag.endswith("_fault"))
    return Reading(" ".join(faults) or "none")


def _cell_count(stage: Stage) -> Reading:
    words = stage.port.bms.read([f"cell_voltage_{number}" for number in range(1, 17)])
    return Reading(float(sum(1 for volts in words.values() if isinstance(volts, float) and volts > CELL_AT_LEAST)))


def _capacity(name: str) -> Callable[[Stage], Reading]:
    return lambda stage: Reading(float(getattr(stage.readings(), name)), "Ah")


NOTHING = Reading(None, uncertainty=None)
"""A value that was not taken."""


def found(name: str) -> Callable[[Stage], Reading]:
    """A value that a stimulus of this run has left behind under that name."""

    def take(stage: Stage) -> Reading:
        return stage.found.values.get(name, NOTHING)

    return take


_METER = frozenset({"voltmeter"})

MEASURANDS: Mapping[str, Measurand] = {
    "polarity": Measurand(_polarity, _METER),
    "terminal_voltage": Measurand(volts, _METER),
    "case_voltage": Measurand(_case, frozenset({"case"})),
    "pack_voltage_error": Measurand(_pack_voltage_error, _METER),
    "cell_sum_error": Measurand(_cell_sum_error, _METER),
    "cell_spread_rest": Measurand(_spread),
    "cell_spread_full": Measurand(_spread),
    "cell_spread_charged": Measurand(_spread),
    "temperature_error": Measurand(_temperature_error, frozenset({"ambient"})),
    "current_zero": Measurand(_current_zero),
    "current_error": Measurand(_current_error, frozenset({"shunt"})),
    "soc_error": Measurand(_soc_error),
    "fault_flags": Measurand(_fault_flags),
    "cell_count": Measurand(_cell_count),
    "design_capacity": Measurand(_capacity("design_capacity")),
    "full_capacity": Measurand(_capacity("full_capacity")),
    "overcurrent_recovery": Measurand(found("overcurrent_recovery")),
    "pack_resistance": Measurand(found("pack_resistance")),
    "path_resistance": Measurand(found("path_resistance")),
    "cell_resistance": Measurand(found("cell_resistance_1")),
}
"""What `measure` can judge on this station, by the name of its row in the pack file."""


def measure(stage: Stage) -> None:
    """Take and judge each measurement of the step; what its stimulus has left behind is not taken again."""
    for name in stage.step.measure:
        row = stage.pack.limits.get(stage.step.limit_of(name))
        if row is not None and row.each == "cell":
            for number in range(1, stage.pack.cells + 1):
                each = stage.found.values.pop(f"{name}_{number}", NOTHING)
                stage.judge(f"{name}_{number}", each, limit=stage.step.limit_of(name))
            continue
        taken = measurand(stage.pack, name)
        left = stage.found.values.get(taken) if stage.step.resistance else None
        stage.judge(name, left or MEASURANDS[taken].take(stage))


def measurand(pack: Pack, name: str) -> str:
    """What is measured under a name: the name itself, or what the limit of that name is `of`."""
    row = pack.limits.get(name)
    return name if name in MEASURANDS or row is None or row.of is None else row.of


def _text(register: str) -> Callable[[Stage], Reading]:
    return lambda stage: Reading(stage.port.bms.text(register))


RECORDABLES: Mapping[str, Measurand] = {
    **MEASURANDS,
    "key_start_threshold": Measurand(found("key_start_threshold")),
    "bms_serial": Measurand(_text("model_sn")),
    "cycles": Measurand(lambda stage: Reading(float(stage.readings().cycles))),
    "soc": Measurand(lambda stage: Reading(stage.readings(fresh=True).soc, "%", 0.5)),
    "soc_before": Measurand(found("soc_before")),
    "soc_after": Measurand(lambda stage: Reading(stage.readings(fresh=True).soc, "%", 0.5)),
    "ambient": Measurand(ambient, frozenset({"ambient"})),
}
"""What `record` can keep on this station."""


def record(stage: Stage) -> None:
    """Take and keep each value of the step without judging it."""
    for name, window in stage.step.record.items():
        reading = RECORDABLES[name].take(stage)
        stage.record(name, reading)
        if window is not None:
            row = stage.pack.limits[window]
            inside = isinstance(reading.value, float) and row.is_.contains(reading.value)
            stage.note(f"{name} {'meets' if inside else 'does not meet'} {window} ({row.is_}); shown, not judged")


# ------------------------------------------------------------------------------------------------ circumstances


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
        is_ = stage.pack.limits[row].is_
        outside = [said for said in stage.readings().cell_temperatures if not is_.contains(said)]
        if outside:
            raise Blocked(
                f"a cell has {outside[0]:.1f} degC, {row.replace('_', ' ')} is {is_}: wait for room temperature"
            )

    return check


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
    "breaker_on": (_breaker, _METER),
}
"""Circumstances that `require` can look at; what is not the pack's fault is required and never measured."""


def require(stage: Stage) -> None:
    """See that every circumstance holds; raises Blocked with a hint."""
    for name in stage.step.require:
        REQUIREMENTS[name][0](stage)
