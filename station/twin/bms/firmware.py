"""The firmware as a whole: at each tick it measures, judges, and sets its FETs, lamps, contacts and registers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from station.model.protocol import Protocol, Value
from station.twin.bms.balancing import Balancing
from station.twin.bms.gauge import Gauge
from station.twin.bms.keys import Action, Key
from station.twin.bms.lamps import Flow, Lamps, lamp_state
from station.twin.bms.measuring import Adc, Readings, Sensed
from station.twin.bms.memory import ILLEGAL_ADDRESS, Memory, Refused
from station.twin.bms.outputs import Contacts, Fet, Limiter
from station.twin.bms.power import Power
from station.twin.bms.protections import FIXED, Blocked, Circumstances, all_protections
from station.twin.bms.recovery import Recovery
from station.twin.ocv import Floats

_STAGES = {"charge_overcurrent_2": "charge_overcurrent", "discharge_overcurrent_2": "discharge_overcurrent"}
"""Second stages show on the bit of the first."""
_LOW = frozenset(("soc_low", "cell_undervoltage", "pack_undervoltage"))


@dataclass(slots=True)
class Overcurrent:
    """How much higher (A) every over-current trips than its register says."""

    trip_shift: float = 0.0


class Bms:
    """A battery management system: it knows its own registers and what it measures, and nothing of test or pack file.

    `tick` it every `PERIOD` s; between ticks it can be read, written and have its key pressed (`key.pressed`).
    """

    PERIOD: ClassVar[float] = 0.1
    VALID_CURRENT: ClassVar[float] = 0.5
    """A from which it takes the pack to be charging or discharging."""
    SHORT_CIRCUIT: ClassVar[float] = 500.0
    """A of discharge at which the hardware comparator opens the FET within `short_circuit.delay`."""

    def __init__(
        self,
        protocol: Protocol,
        parameters: Mapping[int, int],
        texts: Mapping[str, str],
        *,
        rng: np.random.Generator,
        cells: int = 15,
        capacity: float = 100.0,
        soc: float = 1.0,
        address: int = 1,
    ) -> None:
        """A board asleep: `parameters` raw words by address, `texts` by register name, `capacity` Ah, `soc` 0 to 1.

        Raises ValueError when a setting has no word.
        """
        self.protocol = protocol
        self.memory = Memory(protocol, parameters, texts)
        self.adc = Adc(rng, cells)
        self.protections = all_protections()
        self.recovery = Recovery()
        self.overcurrent = Overcurrent()
        self.power = Power()
        self.key = Key()
        self.lamps = Lamps()
        self.balancing = Balancing(cells)
        self.gauge = Gauge(design=capacity, full=capacity, remaining=soc * capacity)
        self.charge_fet, self.discharge_fet = Fet(), Fet()
        self.limiter = Limiter()
        self.contacts = Contacts()
        self.silent = False
        """It runs, but answers nobody."""
        self.address_switch = address
        """What the switch on the panel is set to; taken over at the next start."""
        self.address = address
        self.readings: Readings | None = None

    # --- what others ask of it --------------------------------------------------------------------------------------

    @property
    def parameters(self) -> Memory:
        """The stored settings by name, in station units; setting one here asks for nobody's leave."""
        return self.memory

    @property
    def version(self) -> str:
        """The firmware's own name."""
        return str(self.memory["version"])

    @version.setter
    def version(self, text: str) -> None:
        self.memory["version"] = text

    @property
    def answers(self) -> bool:
        """Whether it answers on its ports."""
        return self.power.mode == "running" and not self.silent and self.readings is not None

    @property
    def lamp_state(self) -> str:
        """The name of the lamps' state (pack file, `lamp_states`)."""
        if self.power.mode == "asleep":
            return "asleep"
        if self.power.mode == "starting" or self.readings is None:
            return "lamp_test"
        if self._has_failed(self.readings):
            return "failure"
        return lamp_state(self._flow, self._standing("charge"), self._standing("discharge"), self._alarms())

    @property
    def closed_contacts(self) -> Mapping[str, bool]:
        """Which of the dry contacts `alarm` and `low` is closed."""
        if self.power.mode == "asleep":
            return self.contacts.state(None, None)
        shown = {*self._alarms(), *self._tripped()}
        failed = self.readings is not None and self._has_failed(self.readings)
        return self.contacts.state(bool(shown) or failed, not _LOW.isdisjoint(shown))

    @property
    def bleed(self) -> Floats:
        """A that the balancer draws from each cell."""
        return self.balancing.bleed

    def read(self, address: int, count: int) -> list[int]:
        """The words of a block; reserved registers read as 0. Raises Refused beyond the map."""
        if not self.protocol.is_readable(address, count):
            raise Refused(ILLEGAL_ADDRESS, f"{count} registers from {address} are not all there")
        live = self._live() if address < 37 else {}
        return [live.get(at, self.memory.words.get(at, 0)) for at in range(address, address + count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        """Take the words of one frame; raises Refused (see `memory`)."""
        self.memory.write(address, words)

    # --- what happens to it -----------------------------------------------------------------------------------------

    def tick(self, now: float, sensed: Sensed) -> None:
        """One round of the firmware at `now` s."""
        action = self.key.sample(now, awake=self.power.mode != "asleep")
        if self.power.mode == "asleep":
            margin = sensed.terminal_voltage - float(sensed.cell_voltages.sum())
            if self.power.is_woken(margin, now) or action == "start":
                self._start(now)
        else:
            self._awake(action, now, sensed)

    def strike(self, current: float, now: float) -> None:
        """What the hardware comparator does in no time: open the FET when `current` A mean a short circuit."""
        protection = self.protections["short_circuit"]
        if (
            self.discharge_fet.closed
            and protection.enabled
            and -current >= self.SHORT_CIRCUIT
            and not protection.tripped
        ):
            protection.strike(now, self.recovery)
            self.discharge_fet.closed = False

    def _awake(self, action: Action | None, now: float, sensed: Sensed) -> None:
        if action == "shutdown" and self.power.sleeps:
            self._sleep(now)
        elif action == "reset":
            self._start(now)
        elif self.power.mode == "running":
            self._work(now, sensed)
        elif now - self.power.since >= self.power.boot - 1e-9:
            self.power.enter("running", now)
            self._work(now, sensed)

    def _start(self, now: float) -> None:
        """Start or reset: whatever is not stored is forgotten, the output stays off until it runs."""
        self.power.enter("starting", now)
        self.memory.reload()
        self.adc.restart()
        self.recovery.reset()
        self.address = self.address_switch
        self._off()

    def _sleep(self, now: float) -> None:
        self.power.enter("asleep", now)
        self._off()

    def _off(self) -> None:
        self.readings = None
        self.balancing.stop()
        self.charge_fet.closed = self.discharge_fet.closed = False
        for protection in self.protections.values():
            protection.reset()

    def _work(self, now: float, sensed: Sensed) -> None:
        self.readings = seen = self.adc.sample(sensed, self.bleed, now)
        self.gauge.count(seen.current, self.PERIOD)
        self._look_for_full(seen, now)
        self._protect(seen, now)
        self._balance(seen)
        failed = self._has_failed(seen)
        self.charge_fet.closed = not (failed or self._standing("charge"))
        self.discharge_fet.closed = not (failed or self._standing("discharge"))
        self._rest(seen, now)

    def _protect(self, seen: Readings, now: float) -> None:
        quantities = {**seen.quantities, "soc": self.gauge.soc}
        settings = {**self.memory.values, **FIXED}
        here = Circumstances(quantities, settings, now, self._flow == "charging", self.overcurrent.trip_shift)
        self.recovery.watch(self._sees_charger(seen), now)
        for name, protection in self.protections.items():
            if protection.judge(here, self.recovery) and name in ("cell_overvoltage", "pack_overvoltage"):
                self.gauge.call_full()

    def _look_for_full(self, seen: Readings, now: float) -> None:
        settings = self.memory.values
        charged = seen.pack_voltage >= settings["full_charge_voltage"] and self._flow == "charging"
        self.gauge.look_for_full(charged=charged and seen.current <= settings["full_charge_current"], now=now)

    def _balance(self, seen: Readings) -> None:
        cells = seen.temperatures[:4]
        allowed = self.balancing.coldest <= min(cells) and max(cells) <= self.balancing.warmest
        if allowed and (self._flow == "charging" or (self._flow == "standby" and self.balancing.resting)):
            settings = self.memory.values
            start, difference = settings["balancing.start_voltage"], settings["balancing.start_difference"]
            self.balancing.judge(seen.cell_voltages, start, difference)
        else:
            self.balancing.stop()

    def _rest(self, seen: Readings, now: float) -> None:
        """Reboot or fall asleep, if there is a reason to."""
        settings = self.memory.values
        if -seen.current >= self.power.reboots_above:
            self._start(now)
            return
        low = min(seen.cell_voltages) < settings["cell_sleep_voltage"] and self._flow != "charging"
        idle = self._flow == "standby"
        if self.power.is_tired(idle=idle, low=low and idle, low_for=settings["cell_sleep_delay"], now=now):
            self._sleep(now)

    # --- what it makes of its readings ------------------------------------------------------------------------------

    @property
    def _flow(self) -> Flow:
        current = self.readings.current if self.readings is not None else 0.0
        if abs(current) < self.VALID_CURRENT:
            return "standby"
        return "charging" if current > 0 else "discharging"

    def _sees_charger(self, seen: Readings) -> bool:
        return self._flow == "charging" or seen.terminal_voltage - seen.pack_voltage > 0.5

    def _has_failed(self, seen: Readings) -> bool:
        return seen.cell_fault or seen.front_end_fault

    def _standing(self, way: Blocked) -> list[str]:
        """The protections that stop one direction now."""
        return [name for name, each in self.protections.items() if each.tripped and each.rule.blocks in (way, "both")]

    def _tripped(self) -> frozenset[str]:
        """The protections that it admits to, by the names of their bits."""
        shown = (name for name, each in self.protections.items() if each.tripped and not each.flag_hidden)
        return frozenset(_STAGES.get(name, name) for name in shown)

    def _alarms(self) -> frozenset[str]:
        return frozenset(name for name, each in self.protections.items() if each.alarm)

    def _status(self, seen: Readings) -> frozenset[str]:
        limited = seen.current >= 0.97 * self.limiter.limit
        flags = {
            "sensor_fault": seen.sensor_fault,
            "cell_fault": seen.cell_fault,
            "front_end_fault": seen.front_end_fault,
            "charging": self._flow == "charging",
            "discharging": self._flow == "discharging",
            "charge_fet": self.charge_fet.closed,
            "discharge_fet": self.discharge_fet.closed,
            "charge_limiter": math.isfinite(self.limiter.limit) and limited,
            "charger_reversed": seen.terminal_voltage < -1.0,
        }
        return frozenset(name for name, is_set in flags.items() if is_set)

    def _live(self) -> dict[int, int]:
        """The words of everything that is measured or counted, by address."""
        seen = cast(Readings, self.readings)
        values: dict[str, Value] = {
            "current": seen.current,
            "pack_voltage": seen.pack_voltage,
            "soc": self.gauge.soc,
            "soh": self.gauge.soh,
            "remaining_capacity": self.gauge.remaining,
            "full_capacity": self.gauge.full,
            "design_capacity": self.gauge.design,
            "cycles": self.gauge.cycles,
            "warning": self._alarms(),
            "protection": self._tripped(),
            "status": self._status(seen),
            "balancing": frozenset(f"cell_{cell}" for cell, active in enumerate(self.balancing.active, 1) if active),
            "mosfet_temperature": seen.temperatures[4],
            "ambient_temperature": seen.temperatures[5],
            **{f"cell_voltage_{cell}": volts for cell, volts in enumerate(seen.cell_voltages, 1)},
            **{f"cell_temperature_{number}": degrees for number, degrees in enumerate(seen.temperatures[:4], 1)},
        }
        registers = self.protocol.by_name
        return {registers[name].address: registers[name].encode(value)[0] for name, value in values.items()}
