"""What a fault may change in a simulated pack and its circuit: names, units and meanings, and how one is set.

A name starts at the twin: `bms.discharge_fet.stuck`, `cells.r0[7]` (cell 7; without an index: every cell),
`bms.parameters.cell_overvoltage.trip`, `bms.protections.cell_overvoltage.delay_factor`. A number is given in the unit
of its row, as a quantity (`1.5 mOhm`), or against what it is: `times 3`, `plus 0.7 V`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import numpy as np

from station.model.files import nearest
from station.model.quantity import parse_quantity
from station.twin.bms.memory import Memory

_INDEXED = re.compile(r"(\w+(?:\.\w+)*)(?:\[(\d+)\])?")


class UnknownParameter(ValueError):
    """A name that leads nowhere, or a value that its place does not take; the message says what would do."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name (`[i]`: one cell or sensor, `<protection>` and `<register>`: any), its unit or its words, its meaning."""

    name: str
    unit: str
    meaning: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it takes, when it takes words."""
        return tuple(self.unit.split(", ")) if "," in self.unit and self.unit.islower() else ()


_STUCK = "closed, open"
PARAMETERS = tuple(
    Parameter(*row)
    for row in (
        ("cells.capacity[i]", "Ah", "capacity of a cell"),
        ("cells.soc[i]", "0 to 1", "state of charge of a cell"),
        ("cells.r0[i]", "Ohm", "resistance of a cell's electrodes, 0.3 mOhm"),
        ("cells.joint[i]", "Ohm", "bars and welds inside the sense loop of a cell, 0.1 mOhm"),
        ("cells.r1[i]", "Ohm", "fast RC pair, 0.25 mOhm"),
        ("cells.tau1[i]", "s", "its time constant, 4 s"),
        ("cells.r2[i]", "Ohm", "slow RC pair, 0.4 mOhm"),
        ("cells.tau2[i]", "s", "its time constant, 80 s"),
        ("cells.leak[i]", "A", "self-discharge of a cell, about 4 mA"),
        ("cells.polarity[i]", "1 or -1", "-1: the cell is built in the wrong way round"),
        ("cells.temperature[i]", "degC", "temperature of a cell"),
        ("pack.shunt", "Ohm", "the pack's own shunt"),
        ("pack.bars", "Ohm", "bars and posts of the main path, outside the sense loops"),
        ("pack.ambient", "degC", "the room"),
        ("pack.mosfet", "degC", "temperature of the FETs"),
        ("pack.breaker.closed", "true, false", "the air switch"),
        ("pack.breaker.resistance", "Ohm", "its contact resistance, 1.5 mOhm"),
        ("pack.breaker.stuck", _STUCK, "the air switch does not follow its lever"),
        ("bms.charge_fet.stuck", _STUCK, "welded, or never conducts; the flag says what the firmware wants"),
        ("bms.charge_fet.resistance", "Ohm", "0.75 mOhm"),
        ("bms.discharge_fet.stuck", _STUCK, "the same for the discharge FET"),
        ("bms.discharge_fet.resistance", "Ohm", "0.75 mOhm"),
        ("bms.limiter.enabled", "true, false", "the charging current limiter as commanded"),
        ("bms.limiter.current", "A", "what it regulates to; 0: off"),
        ("bms.limiter.stuck", "on, off", "it does not follow the command"),
        ("bms.adc.cell_gain", "1", "gain of the cell voltages"),
        ("bms.adc.cell_offset[i]", "V", "offset of a cell's reading"),
        ("bms.adc.cell_noise", "V", "noise of the cell voltages, one sigma"),
        ("bms.adc.cell_wires[i]", "ok, open", "sense wire on top of a cell"),
        ("bms.adc.swapped_wire", "1 to 14", "the sense wires above this cell and above the next are exchanged"),
        ("bms.adc.tap_resistance[i]", "Ohm", "of a cell's sense wires; it reads low while it is bled"),
        ("bms.adc.pack_voltage_gain", "1", "gain of the pack voltage"),
        ("bms.adc.pack_voltage_offset", "V", "offset of the pack voltage"),
        ("bms.adc.pack_voltage_noise", "V", "noise of the pack voltage, one sigma"),
        ("bms.adc.current_gain", "1", "gain of the current; -1: shunt wires exchanged"),
        ("bms.adc.current_offset", "A", "offset of the current"),
        ("bms.adc.current_noise", "A", "noise of the current, one sigma"),
        ("bms.adc.temperature_offset[i]", "K", "offset of a sensor: 1 to 4 cells, 5 MOSFET, 6 ambient"),
        ("bms.adc.temperature_noise", "K", "noise of the temperatures, one sigma"),
        ("bms.adc.sensors[i]", "ok, open, short, detached", "a temperature sensor, numbered as above"),
        ("bms.adc.frozen", "true, false", "the readings repeat for ever"),
        ("bms.parameters.<register>", "as the register", "a stored setting, or `version`, `model_sn`, `pack_sn`"),
        ("bms.memory.forgets", "true, false", "written values are lost at a reset"),
        ("bms.memory.ignores", "true, false", "writes are acknowledged and dropped"),
        ("bms.memory.wrong_by", "counts", "written numbers are stored so much off"),
        ("bms.protections.<protection>.enabled", "true, false", "whether it trips at all"),
        ("bms.protections.<protection>.trip_shift", "V, A, K", "acts so much higher than stored"),
        ("bms.protections.<protection>.delay_factor", "1", "acts so many times later than stored"),
        ("bms.protections.<protection>.flag_hidden", "true, false", "acts without setting its flag"),
        ("bms.protections.<protection>.needs_charge", "true, false", "an under-voltage ends only while charging"),
        ("bms.overcurrent.trip_shift", "A", "every over-current acts so much higher than stored"),
        ("bms.recovery.after", "s", "until an over-current ends by itself, 60 s"),
        ("bms.recovery.locks_after", "times", "over-currents until the output is locked, 3"),
        ("bms.recovery.within", "s", "longest pause between them, 300 s"),
        ("bms.recovery.unlocks", "true, false", "whether a charger opens the lock"),
        ("bms.balancing.stop_difference", "V", "20 mV"),
        ("bms.balancing.current", "A", "80 mA"),
        ("bms.balancing.resting", "true, false", "balances at rest too"),
        ("bms.balancing.works[i]", "true, false", "whether the bleed FET of a cell conducts"),
        ("bms.balancing.always[i]", "true, false", "whether it conducts all the time"),
        ("bms.balancing.swap", "1 to 14", "this cell and the next are taken for each other"),
        ("bms.gauge.error", "%", "added to the state of charge that it reports"),
        ("bms.gauge.remaining", "Ah", "what it takes to be left"),
        ("bms.gauge.full", "Ah", "what it takes for a full charge"),
        ("bms.gauge.design", "Ah", "design capacity"),
        ("bms.gauge.cycles", "times", "cycle counter"),
        ("bms.gauge.soh", "%", "state of health that it reports"),
        ("bms.key.dead", "true, false", "no press arrives"),
        ("bms.key.stuck", "true, false", "pressed all the time"),
        ("bms.key.start", "s", "press that starts it, 1 s"),
        ("bms.key.shutdown", "s", "press that shuts it down, 3 s"),
        ("bms.key.reset", "s", "press that resets it when let go, 6 s"),
        ("bms.key.reset_held", "s", "press that resets it while held, 10 s"),
        ("bms.power.boot", "s", "from start to first answer, all lamps lit meanwhile, 2 s"),
        ("bms.power.sleeps", "true, false", "whether it shuts down at all"),
        ("bms.power.wakes_after", "s", "wakes up by itself so long after a shutdown"),
        ("bms.power.reboots_above", "A", "discharge current at which it reboots"),
        ("bms.power.standby", "s", "without current until it sleeps, 4 h"),
        ("bms.power.wake_margin", "V", "terminals above cells that mean a charger, 50 mV"),
        ("bms.lamps.RUN", "dark, lit", "a lamp that is broken; also ALM, L1, L2, L3, L4"),
        ("bms.contacts.alarm.stuck", _STUCK, "contact 1-2"),
        ("bms.contacts.alarm.dead", _STUCK, "what it is when the BMS is dead"),
        ("bms.contacts.low.stuck", _STUCK, "contact 3-4"),
        ("bms.contacts.low.dead", _STUCK, "what it is when the BMS is dead"),
        ("bms.contacts.crossed", "true, false", "the two contacts are wired crosswise"),
        ("bms.silent", "true, false", "runs, but answers on no port"),
        ("bms.address_switch", "0 to 15", "the switch on the panel; taken over at the next start"),
        ("bms.version", "text", "name of the firmware"),
        ("circuit.lead", "Ohm", "power leads there and back, 3 mOhm"),
        ("circuit.contact", "Ohm", "clamps at the pack's posts, 0.5 mOhm"),
        ("circuit.shunt", "Ohm", "the bench's shunt"),
        ("circuit.supply_lead", "Ohm", "from where the leads meet to the supply"),
        ("circuit.load_lead", "Ohm", "from where the leads meet to the load"),
        ("circuit.lead_open", "true, false", "a power lead was pulled"),
        ("circuit.reversed", "true, false", "the leads are on the wrong posts"),
        ("circuit.sense_open", "true, false", "a lead of the voltmeter hangs loose"),
        ("circuit.meter", "Ohm", "what the voltmeter loads the posts with, 10 MOhm"),
        ("circuit.insulation_plus", "Ohm", "case to the positive post"),
        ("circuit.insulation_minus", "Ohm", "case to the negative post"),
        ("circuit.main.stuck", _STUCK, "the contactor at the pack is welded, or does not close"),
        ("circuit.main.resistance", "Ohm", "its contact resistance, 0.3 mOhm"),
        ("circuit.supply_contactor.stuck", _STUCK, "the same at the supply"),
        ("circuit.load_contactor.stuck", _STUCK, "the same at the load"),
    )
)


_WORDS: dict[str, frozenset[str]] = {}
for _row in PARAMETERS:
    _last = _row.name.rpartition(".")[2].partition("[")[0]
    _WORDS[_last] = _WORDS.get(_last, frozenset()) | frozenset(_row.words)


def value_at(root: object, name: str) -> object:
    """What a parameter of the twin is now; raises UnknownParameter."""
    owner, last, index = _find(root, name)
    value = _member(owner, last)
    return value if index is None else _element(value, index, name)


def assign(root: object, name: str, value: str | int | float | bool) -> None:
    """Set a parameter of the twin; an array without an index in all its elements alike. Raises UnknownParameter."""
    owner, last, index = _find(root, name)
    present = _member(owner, last)
    if index is not None:
        fit = _fit(name, last, _element(present, index, name), value)
        cast("dict[int, object]", present)[index] = fit
    elif isinstance(present, np.ndarray):
        present[:] = [cast(float, _fit(name, last, each, value)) for each in present]
    elif isinstance(owner, (dict, Memory)) and last in owner:
        cast("dict[str, object]", owner)[last] = _fit(name, last, present, value)
    else:
        setattr(owner, last, _fit(name, last, present, value))


def _fit(name: str, last: str, present: object, value: str | int | float | bool) -> object:
    """The value as its place takes it."""
    if isinstance(present, (bool, np.bool_)) != isinstance(value, bool):
        raise UnknownParameter(f"`{name}` does not take `{value}`; it is {present!r} now")
    if isinstance(present, (int, float)) and isinstance(value, str):
        return _number(name, float(present), value)
    words = _WORDS.get(last, frozenset())
    if words and isinstance(value, str) and value not in words:
        raise UnknownParameter(f"`{name}` does not take `{value}`{nearest(value, words)}")
    return value


def _number(name: str, present: float, text: str) -> float:
    relation, _, rest = text.partition(" ")
    try:
        if relation == "times":
            return present * float(rest)
        return present + parse_quantity(rest).si if relation == "plus" else parse_quantity(text).si
    except ValueError as error:
        raise UnknownParameter(f"`{name}`: {error}") from None


def _find(root: object, name: str) -> tuple[object, str, int | None]:
    """The object that a name leads to, its attribute or key, and the index in that."""
    match = _INDEXED.fullmatch(name)
    if match is None:
        raise UnknownParameter(f"`{name}` is no name of a parameter, such as `bms.key.dead` or `cells.r0[7]`")
    owner, rest = root, match[1]
    while "." in rest and not (isinstance(owner, Memory) and rest in owner):
        head, _, rest = rest.partition(".")
        owner = _member(owner, head)
    return owner, rest, None if match[2] is None else int(match[2]) - 1


def _member(owner: object, name: str) -> object:
    if isinstance(owner, (dict, Memory)) and name in owner:
        return owner[name]
    if not name.startswith("_") and not isinstance(owner, dict) and hasattr(owner, name):
        return getattr(owner, name)
    known = owner if isinstance(owner, dict) else [each for each in dir(owner) if not each.startswith("_")]
    raise UnknownParameter(f"the twin has no parameter `{name}` there{nearest(name, known)}")


def _element(value: object, index: int, name: str) -> object:
    if not isinstance(value, (np.ndarray, list)) or not 0 <= index < len(value):
        raise UnknownParameter(f"`{name}`: there is no element {index + 1}; they count from 1")
    return value[index]
