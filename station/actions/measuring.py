"""Everything that can be measured by name: what takes it, and which roles that needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from station.actions.current import PARTS
from station.actions.errors import BenchFault, Blocked, NotFeasible
from station.actions.second_meter import looked_again, see_no_more_than_the_cells
from station.actions.stage import Reading, Stage
from station.model.ammeter import Comparison
from station.model.pack import Pack

CELL_STEP = 0.001
"""Volts of one bit of a cell voltage (PACE Modbus V1.3, registers 15..30)."""
PACK_STEP = 0.01
"""Volts of one bit of the pack voltage (register 1)."""
CURRENT_STEP = 0.01
"""Amperes of one bit of the current (register 0)."""
TEMPERATURE_STEP = 0.1
AGREE, ALL_OFF = 1.5, 2.4
"""Kelvin within which all sensors of a pack agree, and by which they then must not differ from the one of the bench."""
SEEN_WITHIN = 0.3
"""Seconds after which the pack's own readings show a current that has just begun to flow."""
CELL_AT_LEAST = 0.5
"""Volts above which a cell register shows a cell (an absent one reads 0)."""
ZERO_READINGS = 5
"""Readings of the pack's ammeter at rest; a board scatters by 20 mA (engineering judgement), their mean by 9 mA."""
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


def _terminal_voltage(stage: Stage) -> Reading:
    reading = volts(stage)
    doubted = _is_outside(stage, "terminal_voltage", reading)
    if stage.found.energised:
        return looked_again(stage, reading, doubted)
    if doubted:
        see_no_more_than_the_cells(stage, reading)
    stage.found.values["voltage_before_current"] = reading
    return reading


def _is_outside(stage: Stage, name: str, reading: Reading) -> bool:
    """Whether a reading will be held against the pack under that name."""
    row = stage.pack.limits.get(stage.step.limit_of(name))
    return row is not None and isinstance(reading.value, float) and not row.is_.contains(reading.value)


def _polarity(stage: Stage) -> Reading:
    value = stage.bench.voltmeter.voltage()
    if value < -1:
        found = f"the terminals have {value:.1f} V: the leads of the bench are on the wrong posts"
        raise Blocked(f"{found}; if they are not, the pack is built the wrong way round")
    word = "positive" if value > 1 else "no voltage"
    return Reading(word, witness="voltmeter")


def _case(stage: Stage) -> Reading:
    """The case against the post that it differs most from; one post alone would not show a fault to itself."""
    value = max(abs(stage.wiring.volts(role)) for role in ("case", "case_plus") if stage.bench.has(role))
    return Reading(value, "V", stage.bench.u("case", "voltage", value), "switch")


def _pack_voltage_error(stage: Stage) -> Reading:
    return _against_meter(stage, "pack_voltage_error", stage.readings(fresh=True).pack_voltage, PACK_STEP)


def _cell_sum_error(stage: Stage) -> Reading:
    cells = stage.readings().cell_voltages
    return _against_meter(stage, "cell_sum_error", sum(cells), CELL_STEP * math.sqrt(len(cells)))


def _against_meter(stage: Stage, name: str, said: float, step: float) -> Reading:
    """An error of the pack against the voltmeter; one that would fail it makes the station look at the voltmeter."""
    meter = volts(stage)
    seen = looked_again(stage, meter, _is_outside(stage, name, _difference(said, step, meter)))
    return _difference(said, step, seen)


def _difference(said: float, step: float, meter: Reading) -> Reading:
    """What the pack says minus what the instrument says; half a bit of the pack's register adds to the uncertainty."""
    uncertainty = None if meter.uncertainty is None else math.hypot(meter.uncertainty, step / math.sqrt(3))
    return Reading(said - meter.number, meter.unit, uncertainty, f"pack against {meter.witness}")


def _spread(stage: Stage) -> Reading:
    cells = stage.readings(fresh=True).cell_voltages
    return Reading(max(cells) - min(cells), "V", CELL_STEP, "pack")


def ambient(stage: Stage) -> Reading:
    """Temperature beside the pack."""
    value = stage.wiring.ambient()
    return Reading(value, "degC", stage.bench.u("ambient", "temperature difference", value), "switch")


def _temperature_error(stage: Stage) -> Reading:
    beside = ambient(stage)
    said = stage.readings()
    errors = [each - beside.number for each in (*said.cell_temperatures, said.ambient_temperature)]
    if max(errors) - min(errors) < AGREE and abs(sum(errors)) / len(errors) > ALL_OFF:
        found = f"the probe says {beside.number:.1f} degC, all sensors of the pack agree on another temperature"
        raise BenchFault(f"{found} ({errors[0]:+.1f} K): see the probe, or let the pack rest in this room")
    chilled = min(0.0, said.mosfet_temperature - beside.number)  # those of a pack that was just tested are warm
    worst = max((*errors, chilled), key=abs)
    uncertainty = (
        None if beside.uncertainty is None else math.hypot(beside.uncertainty, TEMPERATURE_STEP / math.sqrt(3))
    )
    return Reading(worst, "K", uncertainty, "pack against switch")


def _current_zero(stage: Stage) -> Reading:
    """The mean of several readings: the noise of one would be a tenth of what is allowed."""
    said = fmean(stage.readings(fresh=True).current for _ in range(ZERO_READINGS))
    if stage.flowing is None:
        stage.found.comparisons.append(Comparison(0.0, said, CURRENT_STEP))
    return Reading(said, "A", CURRENT_STEP, "pack")


def shunt(stage: Stage) -> Reading:
    """Current through the bench's own shunt, positive while charging."""
    value = stage.wiring.shunt_current()
    return Reading(value, "A", stage.bench.u("shunt", "current", value), "shunt")


def _current_error(stage: Stage) -> Reading:
    stage.pause(SEEN_WITHIN)
    before = shunt(stage)
    said = stage.readings(fresh=True).current
    after = shunt(stage)
    return ammeter_error(stage, said, replace(before, value=(before.number + after.number) / 2))


def ammeter_error(stage: Stage, said: float, true: Reading) -> Reading:
    """What the pack's ammeter says against what the shunt says, in percent of that; kept for `by: extrapolation`.

    Raises NotFeasible without a current.
    """
    if abs(true.number) < 1:
        raise NotFeasible(f"only {true.number:.2f} A flow, so the pack's ammeter cannot be compared")
    doubt = None if true.uncertainty is None else math.hypot(true.uncertainty, CURRENT_STEP / 2)
    if doubt is not None:
        stage.found.comparisons.append(Comparison(true.number, said, doubt))
    error = 100 * (said - true.number) / true.number
    return Reading(error, "%", None if doubt is None else 100 * doubt / abs(true.number), "pack against shunt")


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


BEYOND = 100e6
"""Ohms that stand for a resistance beyond the range of the meter (Keysight DAQM901A: 100 MOhm)."""


def _ohms(role: str, worst: Callable[[Iterable[float]], float]) -> Measurand:
    """The worst resistance on the inputs of a role of that name."""

    def take(stage: Stage) -> Reading:
        value = min(worst(stage.wiring.ohms(role).values()), BEYOND)
        return Reading(value, "Ohm", stage.bench.u(role, "resistance", value), "switch")

    return Measurand(take, frozenset({role}))


_METER = frozenset({"voltmeter"})

MEASURANDS: Mapping[str, Measurand] = {
    "polarity": Measurand(_polarity, _METER),
    "terminal_voltage": Measurand(_terminal_voltage, _METER),
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
    "charge_limit": Measurand(found("charge_limit")),
    "contact_isolation": _ohms("contact_isolation", min),
    "pins_joined": _ohms("pins_joined", max),
    "pins_free": _ohms("pins_free", min),
}
"""What `measure` can judge on this station, by the name of its row in the pack file."""


def measure(stage: Stage) -> None:
    """Take and judge each measurement of the step; what its stimulus has left behind is not taken again."""
    for name in stage.step.measure:
        row = stage.pack.limits.get(stage.step.limit_of(name))
        if row is not None and row.when is not None and not _holds(stage, row.when):
            reason = f"is judged with {row.when.replace('_', ' ', 1)}, which this pack has not now"
            stage.not_tested(name, reason, proves=tuple(f"REQ-{key}" for key in row.proves))
        elif row is not None and row.each == "cell":
            _each_cell(stage, name)
        else:
            taken = measurand(stage.pack, name)
            left = stage.found.values.get(taken) if stage.step.resistance else None
            reading = left or MEASURANDS[taken].take(stage)
            _judge_taken(stage, name, reading)


def _each_cell(stage: Stage, name: str) -> None:
    for number in range(1, stage.pack.cells + 1):
        each = stage.found.values.pop(f"{name}_{number}", NOTHING)
        _judge_taken(stage, f"{name}_{number}", each, limit=stage.step.limit_of(name))


def _judge_taken(stage: Stage, name: str, reading: Reading, limit: str | None = None) -> None:
    if reading is NOTHING:
        stage.not_tested(name, "what should have left this value did not happen")
    else:
        stage.judge(name, reading, limit=limit)


def _holds(stage: Stage, when: str) -> bool:
    """Whether a limit means something now: `highest_cell at least 3.60 V`."""
    part, _, text = when.partition(" ")
    return PARTS[part](stage, text)


def measurand(pack: Pack, name: str) -> str:
    """What is measured under a name: the name itself, or what the limit of that name is `of`."""
    row = pack.limits.get(name)
    return name if name in MEASURANDS or row is None or row.of is None else row.of
