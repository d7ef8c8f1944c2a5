"""Everything about a simulated pack that a fault may change: the paths, their units and meanings, and how one is set.

A path starts at the pack: `bms.discharge_fet.stuck`, `cells.r0[6]` (counted from 0; without an index: every cell),
`bms.parameters.cell_overvoltage.trip`, `bms.protections.cell_overvoltage.delay_factor`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

import numpy as np

from station.model.files import nearest
from station.twin.bms.memory import Memory
from station.twin.pack import Pack

_INDEXED = re.compile(r"(\w+(?:\.\w+)*)(?:\[(\d+)\])?")


class NoSuchParameter(Exception):
    """A path that leads nowhere; the message says where it ends and what is known there."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path (`[i]`: one cell or sensor, `<protection>` and `<register>`: any name), its unit or words, its meaning."""

    path: str
    unit: str
    meaning: str


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
        ("shunt", "Ohm", "the pack's own shunt"),
        ("bars", "Ohm", "bars and posts of the main path, outside the sense loops"),
        ("ambient", "degC", "the room"),
        ("mosfet", "degC", "temperature of the FETs"),
        ("breaker.closed", "true, false", "the air switch"),
        ("breaker.resistance", "Ohm", "its contact resistance, 1.5 mOhm"),
        ("breaker.stuck", _STUCK, "the air switch does not follow its lever"),
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
        ("bms.adc.swapped_wire", "cell from 0", "the sense wires above this cell and above the next are exchanged"),
        ("bms.adc.tap_resistance[i]", "Ohm", "of a cell's sense wires; it reads low while it is bled"),
        ("bms.adc.pack_voltage_gain", "1", "gain of the pack voltage"),
        ("bms.adc.pack_voltage_offset", "V", "offset of the pack voltage"),
        ("bms.adc.pack_voltage_noise", "V", "noise of the pack voltage, one sigma"),
        ("bms.adc.current_gain", "1", "gain of the current; -1: shunt wires exchanged"),
        ("bms.adc.current_offset", "A", "offset of the current"),
        ("bms.adc.current_noise", "A", "noise of the current, one sigma"),
        ("bms.adc.temperature_offset[i]", "K", "offset of a sensor: 0 to 3 cells, 4 MOSFET, 5 ambient"),
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
        ("bms.balancing.swap", "two cells from 1", "these two are taken for each other"),
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
        ("bms.power.boot", "s", "from start to first answer, 2 s"),
        ("bms.power.lamp_test", "s", "all lamps lit after a start, 2 s"),
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
    )
)


def value_at(pack: Pack, path: str) -> object:
    """What stands at a path; raises NoSuchParameter."""
    owner, name, index = _find(pack, path)
    value = _member(owner, name)
    return value if index is None else _element(value, index, path)


def assign(pack: Pack, path: str, value: object) -> None:
    """Set what stands at a path, in the unit of its row; without an index, all elements of an array alike.

    Raises NoSuchParameter, and ValueError or TypeError for a value that the place does not take.
    """
    owner, name, index = _find(pack, path)
    present = _member(owner, name)
    if index is not None:
        _element(present, index, path)
        cast("dict[int, object]", present)[index] = value
    elif isinstance(present, np.ndarray):
        present[:] = value
    elif isinstance(owner, (dict, Memory)):
        cast("dict[str, object]", owner)[name] = value
    else:
        setattr(owner, name, value)


def _find(pack: Pack, path: str) -> tuple[object, str, int | None]:
    """The object that a path leads to, and the name and index in it."""
    match = _INDEXED.fullmatch(path)
    if match is None:
        raise NoSuchParameter(f"`{path}` is no path, such as `bms.key.dead` or `cells.r0[6]`")
    owner: object = pack
    rest = match[1]
    while "." in rest and not (isinstance(owner, Memory) and rest in owner):
        head, _, rest = rest.partition(".")
        owner = _member(owner, head)
    _member(owner, rest)
    return owner, rest, None if match[2] is None else int(match[2])


def _member(owner: object, name: str) -> object:
    if isinstance(owner, (dict, Memory)) and name in owner:
        return owner[name]
    if not name.startswith("_") and hasattr(owner, name) and not isinstance(owner, dict):
        return getattr(owner, name)
    known = owner if isinstance(owner, dict) else [each for each in dir(owner) if not each.startswith("_")]
    raise NoSuchParameter(f"a simulated pack has no `{name}` there{nearest(name, known)}")


def _element(value: object, index: int, path: str) -> object:
    if not isinstance(value, (np.ndarray, list)) or index >= len(value):
        raise NoSuchParameter(f"`{path}`: there is no element {index}")
    return value[index]
