"""What a fault may change in a simulated pack and its circuit: names, units and meanings, and how one is set.

A name starts at the twin: `bms.discharge_fet.stuck`, `cells.r0[7]` (cell 7; without an index: every cell),
`bms.parameters.cell_overvoltage.trip`, `bms.protections.cell_overvoltage.delay_factor`. A number is given in the unit
of its row, as a quantity (`1.5 mOhm`), or against what it is: `times 3`, `plus 0.7 V`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from station.model.fault import number
from station.model.files import nearest
from station.model.quantity import NUMBER, UNITS, BadQuantity, kind_of, parse_quantity
from station.twin.bms.memory import Memory

_INDEXED = re.compile(r"(\w+(?:\.\w+)*)(?:\[(\d+)\])?")


class UnknownParameter(ValueError):
    """A name that leads nowhere, or a value that its place does not take; the message says what would do."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name (`[i]`: one cell or sensor, `<protection>`, `<register>` and the like: any), its unit or its words, its
    meaning.
    """

    name: str
    unit: str
    meaning: str

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it takes, when it takes words."""
        words = tuple(self.unit.split(", "))
        return words if len(words) > 1 and not {*words} & {*UNITS} else ()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of quantity that it takes; a temperature can be raised by a difference."""
        kinds = {kind_of(unit) for unit in self.unit.split(", ") if unit in UNITS}
        return frozenset(kinds | {"temperature difference"} if "temperature" in kinds else kinds)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The names that it stands for."""
        name = re.escape(self.name).replace(re.escape("[i]"), r"(\[\d+\])?")
        name = (
            name.replace("<line>", r"\w+")
            .replace("<role>", r"\w+")
            .replace("<number>", r"\d+")
            .replace("<channel>", r"\d+")
        )
        return re.compile(name.replace("<protection>", r"\w+").replace("<register>", r"[\w.]+"))


_STUCK = "closed, open"
_SHARES = ("1", "0 to 1")
_VALUES = (str, int, float, np.generic, type(None))
_ANY_INSTRUMENT = (
    ("identity", "text", "what it answers to *IDN?"),
    ("response_time", "s", "before each answer, 2 ms"),
    ("silent", "true, false", "takes nothing and says nothing"),
    ("garbled", "true, false", "half of each answer, and that spoilt"),
)
_POWERED = (
    ("gain", "1", "of its current: reading over true current; what is set comes out as much wrong"),
    ("offset", "A", "that it reads too much"),
    ("voltmeter.gain", "1", "of its voltage, in the same way"),
    ("voltmeter.offset", "V", "that it reads too much"),
    *(
        (f"{meter}.{name}", unit or each, meaning)
        for meter, each in (("voltmeter", "V"), ("ammeter", "A"))
        for name, unit, meaning in (
            ("noise", "", "of its readings, one sigma"),
            ("set_gain", "1", "what comes out over what is set; its readings show it"),
            ("set_offset", "", "by which more comes out than is set"),
            ("frozen", "true, false", "repeats its last reading for ever"),
        )
    ),
)
_METER = (
    ("gain", "1", "reading over true value"),
    ("offset", "V", "that it reads too much, in the unit of what it measures"),
    ("noise", "steps", "of its resolution, one sigma, 0.5"),
    ("frozen", "true, false", "repeats its last readings for ever"),
    ("overload", "true, false", "reports 9.9E+37 whatever it measures"),
)
PARAMETERS = tuple(
    Parameter(*row)
    for row in (
        ("cells.count", "13 to 16", "cells in series; the board is set for as many by `bms.cells`"),
        ("cells.capacity[i]", "Ah", "capacity of a cell"),
        ("cells.soc[i]", "0 to 1", "state of charge of a cell"),
        ("cells.r0[i]", "Ohm", "resistance of a cell's electrodes, 0.3 mOhm"),
        ("cells.joint[i]", "Ohm", "bars and welds inside the sense loop of a cell, 0.1 mOhm"),
        ("cells.r1[i]", "Ohm", "fast RC pair, 0.25 mOhm"),
        ("cells.tau1[i]", "s", "its time constant, 4 s"),
        ("cells.r2[i]", "Ohm", "slow RC pair, 0.4 mOhm"),
        ("cells.tau2[i]", "s", "its time constant, 80 s"),
        ("cells.reach[i]", "0 to 1", "how far its surface runs ahead of its charge at a high current, 0.03"),
        ("cells.side[i]", "-1 to 1", "its branch of hysteresis: -1 after a discharge; 1 after a charge"),
        ("cells.leak[i]", "A", "self-discharge of a cell, about 3 mA"),
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
        ("bms.limiter.start", "A", "charge current at which it comes in, 20 A"),
        ("bms.limiter.low_gear", "true, false", "regulates to half"),
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
        ("bms.adc.terminal_gain", "1", "gain of the voltage at the posts"),
        ("bms.adc.terminal_offset", "V", "offset of the voltage at the posts"),
        ("bms.adc.terminal_noise", "V", "noise of the voltage at the posts, one sigma"),
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
        ("bms.memory.out_of_range", "refused, clipped, taken", "what becomes of a number that it does not accept"),
        ("bms.memory.lowest.<protection>", "V, A, degC, %", "the least that it accepts for any value of it"),
        ("bms.memory.highest.<protection>", "V, A, degC, %", "the most that it accepts for any value of it"),
        ("bms.memory.ordered", "true, false", "refuses thresholds in the wrong order"),
        ("bms.memory.read_only_code", "2 or 3", "exception for a register that is not to be written"),
        ("bms.memory.locked_by_protection", "true, false", "refuses every write while a protection stands"),
        ("bms.protections.<protection>.enabled", "true, false", "whether it trips at all"),
        ("bms.protections.<protection>.trip_shift", "V, A, K", "acts so much higher than stored"),
        ("bms.protections.<protection>.delay_factor", "1", "acts so many times later than stored"),
        ("bms.protections.<protection>.flag_hidden", "true, false", "acts without setting its flag"),
        ("bms.protections.<protection>.needs_charge", "true, false", "an under-voltage ends only while charging"),
        ("bms.overcurrent.trip_shift", "A", "every over-current acts so much higher than stored"),
        ("bms.recovery.after", "s", "until an over-current ends by itself, 60 s"),
        ("bms.recovery.locks_after", "times", "over-currents until the output is locked, 3; 4: after three recoveries"),
        ("bms.recovery.within", "s", "longest pause between them, 300 s"),
        ("bms.recovery.unlocks", "true, false", "whether a charger opens the lock"),
        ("bms.recharge.soc", "%", "charge left at which an over-voltage ends below its trip, 95 %"),
        ("bms.recharge.daily", "s", "or so long after it, 24 h"),
        ("bms.failures.fet_after", "s", "current against an open FET until it is called faulty, 5 s"),
        ("bms.balancing.stop_difference", "V", "20 mV"),
        ("bms.balancing.current", "A", "80 mA"),
        ("bms.balancing.coldest", "degC", "no balancing below, 0 degC"),
        ("bms.balancing.warmest", "degC", "nor above, 50 degC"),
        ("bms.balancing.charging", "true, false", "balances while charging"),
        ("bms.balancing.resting", "true, false", "balances at rest too"),
        ("bms.balancing.works[i]", "true, false", "whether the bleed FET of a cell conducts"),
        ("bms.balancing.always[i]", "true, false", "whether it conducts all the time"),
        ("bms.balancing.displaced", "0 to 14", "the cell so many further on is flagged and bled"),
        ("bms.gauge.error", "%", "added to the state of charge that it reports"),
        ("bms.gauge.remaining", "Ah", "what it takes to be left"),
        ("bms.gauge.full", "Ah", "what it takes for a full charge"),
        ("bms.gauge.design", "Ah", "design capacity"),
        ("bms.gauge.cycles", "times", "cycle counter"),
        ("bms.gauge.soh", "%", "state of health that it reports"),
        ("bms.gauge.jump", "true, false", "an over-voltage protection makes it report 100 %"),
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
        ("bms.power.wake_window", "V", "terminals below cells by less mean a parallel pack, 0.5 V"),
        ("bms.power.needs", "V", "voltage of the cells below which the board dies, 20 V"),
        ("bms.power.dead", "true, false", "the board has no supply"),
        *((f"bms.lamps.{lamp}", "dark, lit", "a broken lamp") for lamp in ("RUN", "ALM", "L1", "L2", "L3", "L4")),
        ("bms.lamps.enabled", "true, false", "the lamps as the monitoring software sets them"),
        ("bms.lamps.soc_for", "s", "how long a short press shows the charge, 5 s"),
        ("bms.buzzer.enabled", "true, false", "the buzzer as the monitoring software sets it; off as delivered"),
        ("bms.buzzer.stuck", "sounding, silent", "it does as it likes"),
        ("bms.contacts.alarm.stuck", _STUCK, "contact 1-2"),
        ("bms.contacts.alarm.dead", _STUCK, "what it is when the BMS is dead"),
        ("bms.contacts.alarm.healthy", _STUCK, "when all is well"),
        ("bms.contacts.alarm.alarm", _STUCK, "in an alarm"),
        ("bms.contacts.low.stuck", _STUCK, "contact 3-4"),
        ("bms.contacts.low.dead", _STUCK, "what it is when the BMS is dead"),
        ("bms.contacts.low.healthy", _STUCK, "when all is well"),
        ("bms.contacts.low.alarm", _STUCK, "in an alarm"),
        ("bms.contacts.crossed", "true, false", "the two contacts are wired crosswise"),
        ("bms.silent", "true, false", "runs, but answers on no port"),
        ("bms.cells", "13 to 16", "number of cells that the board is set for"),
        ("bms.clock.date", "date and time", "what its clock showed when the twin started; as delivered 2000-01-01"),
        ("bms.clock.rate", "1", "seconds of its own for each true one"),
        ("bms.history.depth", "records", "how many it keeps, 1000"),
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
        ("circuit.sense_reversed", "true, false", "its leads are exchanged"),
        ("circuit.meter", "Ohm", "what the voltmeter loads the posts with, 10 MOhm"),
        ("circuit.insulation_plus", "Ohm", "case to the positive post"),
        ("circuit.insulation_minus", "Ohm", "case to the negative post"),
        ("circuit.main.stuck", _STUCK, "the contactor at the pack is welded, or does not close"),
        ("circuit.main.resistance", "Ohm", "its contact resistance, 0.3 mOhm"),
        ("watchdog.drops_after", "s", "without a heartbeat, until the watchdog relay lets the contactor go, 5 s"),
        ("circuit.supply_contactor.stuck", _STUCK, "the same at the supply"),
        ("circuit.load_contactor.stuck", _STUCK, "the same at the load"),
        ("lines.<line>.cut", "true, false", "nothing arrives at either end: rs485_a, rs485_b, rs232"),
        ("lines.<line>.loop_back_broken", "true, false", "the station does not hear its own loop-back"),
        ("lines.<line>.deaf", "true, false", "the pack's receiver is dead: no answer, nothing is done"),
        ("lines.<line>.mute", "true, false", "the pack's transmitter is dead: it obeys, no answer arrives"),
        ("lines.<line>.stuck", "true, false", "the pack's transmitter never lets go of the line"),
        ("lines.<line>.echo", "true, false", "the station hears its own requests"),
        ("lines.<line>.bit_errors", "0 to 1", "share of the bytes that arrive wrong, both ways"),
        ("lines.<line>.bad_frames", "0 to 1", "share of the answers that arrive wrong"),
        ("lines.<line>.truncated", "bytes", "missing at the end of each answer"),
        ("lines.<line>.delay", "s", "by which each answer is late"),
        ("lines.<line>.one_behind", "true, false", "each request gets the answer to the one before"),
        ("lines.<line>.address_error", "1", "added to the address in each answer"),
        ("lines.<line>.polls", "none, polite, colliding", "pack 1 talks to its neighbours, in between or at any time"),
        ("lines.<line>.port.turnaround", "s", "between a request and its answer, 30 ms; rs232 50 ms"),
        ("lines.rs485_a.port.habits.reserved", "zero, refused", "reserved registers within a block; also rs485_b"),
        ("lines.rs485_a.port.habits.broadcast", "ignored, obeyed", "a write to address 0; also rs485_b"),
        ("lines.rs485_a.port.habits.other_map", "true, false", "it was set to another register map; also rs485_b"),
        ("lines.rs232.port.board.tail", "none, soc, long, summary", "what ends the readings (42H)"),
        ("lines.rs232.port.board.alarm_tail", "bytes", "that follow the known ones of an alarm answer (44H)"),
        ("lines.rs232.port.board.control.reversed", "true, false", "limiter and lamps switch the other way round"),
        ("lines.rs232.port.board.control.says_state", "true, false", "a switch is answered with the control state"),
        *(
            (f"{role}.{name}", unit, meaning)
            for role in ("supply", "load", "voltmeter", "switch")
            for name, unit, meaning in _ANY_INSTRUMENT
        ),
        *((f"{role}.{name}", unit, meaning) for role in ("supply", "load") for name, unit, meaning in _POWERED),
        *(
            (f"{role}.digitiser.{name}", unit, meaning)
            for role in ("voltmeter", "switch")
            for name, unit, meaning in _METER
        ),
        ("supply.trips", "ovp, ocp, opp, otp", "a protection trips and stays latched"),
        ("supply.power", "W", "what a plain supply can deliver"),
        ("load.trips", "ovp, ocp, opp, otp, reverse", "the same for the load"),
        ("voltmeter.range_stuck", "V", "the range that it cannot leave; 0: it can"),
        ("switch.relays.stuck.<channel>", _STUCK, "a relay of the switch unit, by its channel"),
        ("connections.<role>.cut", "true, false", "the network cable of supply, load, voltmeter or switch"),
        ("connections.<role>.silent", "true, false", "messages are taken and never answered"),
        ("connections.<role>.delay", "s", "by which each answer is late"),
        ("connections.<role>.garbled", "0 to 1", "share of the bytes of answers that arrive wrong"),
        ("connections.<role>.closed_after", "bytes", "received until the instrument closes a connection; 0: never"),
        ("sensors.estop_closed", "true, false", "the emergency stop chain"),
        ("sensors.blind", "RUN, ALM, L1, L2, L3, L4", "the lamp whose light sensor sees nothing"),
        ("sensors.key_actuator_dead", "true, false", "the solenoid over the key does not move"),
        ("sensors.probe_error", "K", "by which the probe beside the pack reads too warm"),
        ("sockets.joined.<line>", "Ohm", "between the two ground pins of an RS485 socket"),
        ("sockets.free.<line>", "Ohm", "between its free pins and ground"),
        ("sockets.isolation", "Ohm", "between the two dry contacts"),
        ("bus.packs", "1 to 15", "packs in parallel; more than 1 makes neighbours with the addresses 2, 3 ..."),
        ("bus.neighbours.<number>.bms.silent", "true, false", "one of them; all of `bms`, `cells` and `pack` is there"),
    )
)


_PATTERNS = tuple((row.pattern, row) for row in PARAMETERS)


def value_at(root: object, name: str) -> object:
    """What a parameter of the twin is now; raises UnknownParameter."""
    owner, last, index = _find(root, name)
    value = _member(owner, last)
    return value if index is None else _element(value, index, name)


def assign(root: object, name: str, value: str | int | float | bool) -> Callable[[], None]:
    """Set a parameter of the twin, an array without an index in all its elements alike; returns what puts it back.

    Raises UnknownParameter.
    """
    owner, last, index = _find(root, name)
    present, row = _member(owner, last), _row(owner, last, name)
    if index is not None:
        return _put(present, index, _fit(row, _element(present, index, name), value))
    if isinstance(present, (np.ndarray, list)):
        return _put(present, slice(None), [_fit(row, each, value) for each in present])
    if isinstance(owner, (dict, Memory)) and last in owner:
        return _put(owner, last, _fit(row, present, value))
    fit = _fit(row, present, value)
    try:
        setattr(owner, last, fit)
    except ValueError as error:
        raise UnknownParameter(f"`{name}` does not take `{value}`: {error}") from None
    return lambda: setattr(owner, last, present)


def _put(owner: object, key: object, value: object) -> Callable[[], None]:
    """Set an item of an array, a list or a mapping; returns what puts it back."""
    items = cast("dict[object, object]", owner)
    before = copy(items[key])
    items[key] = value
    return lambda: items.__setitem__(key, before)


def _row(owner: object, last: str, name: str) -> Parameter:
    """What is known of a parameter of that name; a setting is known by its register."""
    if isinstance(owner, Memory) and last in owner:
        return Parameter(name, owner.unit(last), "")
    unlisted = Parameter(name, "", "")
    return replace(next((row for pattern, row in _PATTERNS if pattern.fullmatch(name)), unlisted), name=name)


def _fit(row: Parameter, present: object, value: str | int | float | bool) -> object:
    """The value as its place takes it."""
    if not isinstance(present, _VALUES):
        raise UnknownParameter(f"`{row.name}` is no single value; name one of its own, such as `cells.count`")
    if isinstance(present, (bool, np.bool_)) != isinstance(value, bool):
        raise UnknownParameter(f"`{row.name}` does not take `{value}`; it is {present!r} now")
    if isinstance(present, (int, float)) and isinstance(value, str):
        value = _number(row, float(present), value)
    if isinstance(present, int) and isinstance(value, float):
        if not value.is_integer():
            raise UnknownParameter(f"`{row.name}` does not take `{value:g}`; it is a whole number")
        return int(value)
    if row.words and isinstance(value, str) and value not in row.words:
        takes = row.unit.replace(", ", " or ")
        raise UnknownParameter(f"`{row.name}` does not take `{value}`{nearest(value, row.words)}; it takes {takes}")
    return value


def _number(row: Parameter, present: float, text: str) -> float:
    relation, _, rest = text.partition(" ")
    try:
        if relation == "times":
            return present * float(rest)
        return present + _amount(row, rest) if relation == "plus" else _amount(row, text)
    except ValueError as error:
        raise UnknownParameter(f"`{row.name}`: {error}") from None


def _amount(row: Parameter, text: str) -> float:
    """A quantity in the unit of its row, or a plain number; per cent of what has no unit are hundredths."""
    if re.fullmatch(NUMBER, text) or not row.unit:
        return number(text)
    found = parse_quantity(text)
    if found.kind in row.kinds:
        return found.si
    if found.kind == "ratio" and row.unit in _SHARES:
        return found.si / 100
    raise BadQuantity(f"`{text}` is a {found.kind}; expected {row.unit}")


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
