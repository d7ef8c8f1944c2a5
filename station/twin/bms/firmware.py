"""The firmware as a whole: at each tick it measures, judges, and sets its FETs, lamps, contacts and registers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from station.model.protocol import Protocol
from station.twin.bms.balancing import Balancing
from station.twin.bms.buzzer import Buzzer, noise
from station.twin.bms.clock import BoardClock
from station.twin.bms.failures import Failures
from station.twin.bms.fitting import fitted
from station.twin.bms.gauge import Gauge
from station.twin.bms.history import History, HistoryRecord
from station.twin.bms.keys import Action, Key
from station.twin.bms.lamps import OVERVOLTAGES, Flow, Lamps, lamp_state
from station.twin.bms.measuring import CELL_SENSORS, Adc, Readings, Sensed
from station.twin.bms.memory import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Memory, Refused
from station.twin.bms.outputs import Contacts, Fet, Limiter
from station.twin.bms.power import Power
from station.twin.bms.protections import Blocked
from station.twin.bms.supervision import Supervision
from station.twin.bms.telemetry import words_of
from station.twin.ocv import Floats

_LOW = frozenset(("soc_low", "cell_undervoltage", "pack_undervoltage"))
REVERSED = -1.0
"""V at the posts, below which a charger is on the wrong ones."""
_LIVE = 37
"""Registers of readings and flags, from 0."""


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
        self._supervision = supervision = Supervision()
        self.protections, self.recovery = supervision.protections, supervision.recovery
        self.recharge, self.overcurrent = supervision.recharge, supervision.overcurrent
        self.failures = Failures()
        self.power = Power()
        self.key = Key()
        self.lamps = Lamps()
        self.balancing = Balancing(cells)
        self.gauge = Gauge(design=capacity, full=capacity, remaining=soc * capacity)
        self.charge_fet, self.discharge_fet = Fet(), Fet()
        self.limiter = Limiter()
        self.contacts = Contacts()
        self.buzzer = Buzzer()
        self.clock = BoardClock()
        self.history = History()
        self.silent = False
        """It runs, but answers nobody."""
        self.address_switch = address
        """What the switch on the panel is set to; taken over at the next start."""
        self.address = address
        self.readings: Readings | None = None
        self._now = 0.0
        self._connected = cells

    # --- what others ask of it --------------------------------------------------------------------------------------

    @property
    def parameters(self) -> Memory:
        """The stored settings by name, in station units; setting one here asks for nobody's leave."""
        return self.memory

    @property
    def cells(self) -> int:
        """For how many cells the board is set, 13 to 16; those that the pack lacks read 0 V."""
        return self.adc.cells

    @cells.setter
    def cells(self, count: int) -> None:
        self.adc.fit(count)
        self.balancing.fit(count)

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
        if self.failures.standing:
            return "failure"
        if self._is_reversed:
            return "discharge_protection"
        return lamp_state(
            self._flow,
            self._supervision.stops("charge"),
            self._supervision.stops("discharge"),
            self._supervision.alarms,
        )

    @property
    def closed_contacts(self) -> Mapping[str, bool]:
        """Which of the dry contacts `alarm` and `low` is closed."""
        if self.power.mode == "asleep":
            return self.contacts.state(None, None)
        shown = self._supervision.alarms | self._supervision.tripped
        return self.contacts.state(bool(shown or self.failures.standing), not _LOW.isdisjoint(shown))

    def buzzes(self, now: float) -> bool:
        """Whether the buzzer is heard at `now` s."""
        says = noise(bool(self.failures.standing), self._supervision.tripped, self._supervision.alarms)
        return self.buzzer.sounds(says, now)

    @property
    def bleed(self) -> Floats:
        """A that the balancer draws from each cell that there is."""
        return fitted(self.balancing.bleed, self._connected)

    def read(self, address: int, count: int) -> list[int]:
        """The words of a block; reserved registers read as 0. Raises Refused beyond the map."""
        if not self.protocol.is_readable(address, count):
            raise Refused(ILLEGAL_ADDRESS, f"{count} registers from {address} are not all there")
        live = self._live() if address < _LIVE else {}
        return [live.get(at, self.memory.words.get(at, 0)) for at in range(address, address + count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        """Take the words of one frame; raises Refused (see `memory`)."""
        if self.memory.locked_by_protection and self._supervision.tripped:
            raise Refused(ILLEGAL_VALUE, "nothing is to be written while a protection stands")
        self.memory.write(address, words)

    # --- what happens to it -----------------------------------------------------------------------------------------

    def tick(self, now: float, sensed: Sensed) -> None:
        """One round of the firmware at `now` s."""
        self._now, self._connected = now, len(sensed.cell_voltages)
        stack = float(sensed.cell_voltages.sum())
        action = self.key.sample(now, awake=self.power.mode != "asleep")
        if not self.power.supplied(stack):
            self._die(now)
        elif self.power.mode != "asleep":
            self._awake(action, now, sensed)
        elif self.power.is_woken(sensed.terminal_voltage - stack, now) or action == "start":
            self._start("board.start", now)

    def strike(self, current: float, now: float) -> None:
        """What the hardware comparator does in no time: open the FET when `current` A mean a short circuit."""
        if -current < self.SHORT_CIRCUIT:
            return
        if self.discharge_fet.closed and self._supervision.strike("short_circuit", now):
            self.discharge_fet.closed = False
            self._note("short_circuit.trip")

    def shut_down(self, now: float) -> None:
        """Go to sleep, as the key and the ASCII port can ask for; it may be one that does not."""
        if self.power.sleeps and self.power.mode != "asleep":
            self._sleep("board.shutdown", now)

    def _awake(self, action: Action | None, now: float, sensed: Sensed) -> None:
        if action == "shutdown" and self.power.sleeps:
            self.shut_down(now)
        elif action == "reset":
            self._start("board.reset", now)
        elif self.power.mode == "running":
            if action == "show_soc":
                self.lamps.soc_until = now + self.lamps.soc_for
            self._work(now, sensed)
        elif now - self.power.since >= self.power.boot - 1e-9:
            self.power.enter("running", now)
            self._work(now, sensed)

    def _start(self, why: str, now: float) -> None:
        """Start or reset: whatever is not stored is forgotten, the output stays off until it runs."""
        self._note(why)
        self.power.enter("starting", now)
        self.memory.reload()
        self.adc.restart()
        self.charge_fet.enabled = self.discharge_fet.enabled = True
        self.address = self.address_switch
        self._off()

    def _sleep(self, why: str, now: float) -> None:
        self._note(why)
        self.power.enter("asleep", now)
        self._off()

    def _die(self, now: float) -> None:
        """The supply is gone; what was running comes back with it."""
        if self.power.mode != "asleep":
            self._sleep("board.supply_lost", now)
            self.power.returns = True

    def _off(self) -> None:
        self.readings = None
        self.balancing.stop()
        self.failures.reset()
        self.lamps.soc_until = -math.inf
        self.charge_fet.closed = self.discharge_fet.closed = False
        self._supervision.reset()

    def _work(self, now: float, sensed: Sensed) -> None:
        self.readings = seen = self.adc.sample(sensed, self.balancing.bleed, now)
        self.gauge.count(seen.current, self.PERIOD)
        self._look_for_full(seen, now)
        self._look_for_failures(seen, now)
        self._protect(seen, now)
        self._balance(seen)
        self.limiter.watch(seen.current, charging=self._flow == "charging")
        self.charge_fet.closed = self.charge_fet.enabled and not self._is_stopped("charge")
        self.discharge_fet.closed = self.discharge_fet.enabled and not self._is_stopped("discharge")
        self._rest(seen, now)

    def _look_for_failures(self, seen: Readings, now: float) -> None:
        before = self.failures.standing
        self.failures.judge(seen, self.charge_fet, self.discharge_fet, now)
        if self.failures.standing is not before:
            for name in sorted(self.failures.standing ^ before):
                self._note(f"{name}.begin" if name in self.failures.standing else f"{name}.end")

    def _protect(self, seen: Readings, now: float) -> None:
        was_locked = self.recovery.locked
        self.recovery.watch(self._sees_charger(seen), now)
        self._supervision.use(self.memory.values)
        quantities = {**seen.quantities, "soc": self.gauge.soc}
        for name, change in self._supervision.judge(quantities, now, charging=self._flow == "charging"):
            self._note(f"{name}.{change}")
            if change == "trip" and name in OVERVOLTAGES:
                self.gauge.tripped_overvoltage()
        if self.recovery.locked is not was_locked:
            self._note("overcurrent.locked" if self.recovery.locked else "overcurrent.unlocked")

    def _look_for_full(self, seen: Readings, now: float) -> None:
        settings = self.memory.values
        charged = seen.pack_voltage >= settings["full_charge_voltage"] and self._flow == "charging"
        self.gauge.look_for_full(charged=charged and seen.current <= settings["full_charge_current"], now=now)

    def _balance(self, seen: Readings) -> None:
        if self.balancing.may(self._flow, seen.temperatures[:CELL_SENSORS]):
            settings = self.memory.values
            start, difference = settings["balancing.start_voltage"], settings["balancing.start_difference"]
            self.balancing.judge(seen.cell_voltages, start, difference)
        else:
            self.balancing.stop()

    def _rest(self, seen: Readings, now: float) -> None:
        """Reboot or fall asleep, if there is a reason to."""
        settings = self.memory.values
        if -seen.current >= self.power.reboots_above:
            self._start("board.reset", now)
            return
        idle = self._flow == "standby"
        low = idle and min(seen.cell_voltages) < settings["cell_sleep_voltage"]
        if self.power.is_tired(idle=idle, low=low, low_for=settings["cell_sleep_delay"], now=now):
            self._sleep("board.standby", now)

    def _note(self, event: str) -> None:
        """Write down that something happened."""
        seen, gauge = self.readings, self.gauge
        status = self._status(seen) if seen is not None else frozenset[str]()
        self.history.add(
            HistoryRecord(
                at=self.clock.read(self._now),
                event=event,
                readings=seen,
                soc=gauge.soc,
                remaining=gauge.remaining,
                full=gauge.full,
                cycles=gauge.cycles,
                warning=self._supervision.alarms,
                protection=self._supervision.tripped,
                status=status,
            )
        )

    # --- what it makes of its readings ------------------------------------------------------------------------------

    @property
    def _flow(self) -> Flow:
        current = self.readings.current if self.readings is not None else 0.0
        if abs(current) < self.VALID_CURRENT:
            return "standby"
        return "charging" if current > 0 else "discharging"

    def _sees_charger(self, seen: Readings) -> bool:
        return self._flow == "charging" or seen.terminal_voltage - seen.pack_voltage > 0.5

    @property
    def _is_reversed(self) -> bool:
        """Whether a charger is on the wrong posts; the output then stays off."""
        return self.readings is not None and self.readings.terminal_voltage < REVERSED

    def _is_stopped(self, way: Blocked) -> bool:
        return bool(self.failures.stop or self._is_reversed or self._supervision.stops(way))

    def _status(self, seen: Readings) -> frozenset[str]:
        limited = seen.current >= 0.97 * self.limiter.limit
        flags = {
            "charging": self._flow == "charging",
            "discharging": self._flow == "discharging",
            "charge_fet": self.charge_fet.closed,
            "discharge_fet": self.discharge_fet.closed,
            "charge_limiter": math.isfinite(self.limiter.limit) and limited,
            "charger_reversed": self._is_reversed,
        }
        return self.failures.standing.union(name for name, is_set in flags.items() if is_set)

    def _live(self) -> dict[int, int]:
        """The words of everything that is measured or counted, by address."""
        seen = self.readings
        if seen is None:
            return {}
        flags = {
            "warning": self._supervision.alarms,
            "protection": self._supervision.tripped,
            "status": self._status(seen),
            "balancing": frozenset(f"cell_{cell}" for cell, active in enumerate(self.balancing.active, 1) if active),
        }
        return words_of(self.protocol.by_name, seen, self.gauge, flags)
