"""What boxes with two quadrants have in common: one output that two drivers share, one as supply, one as load.

The settings of a role are kept, and written again where the other role has used the box since.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from station.instruments.errors import RoleError, SettingRefused, Tripped
from station.instruments.roles import Identity, LoadReading, Ratings, SupplyReading
from station.instruments.scpi import Scpi, Wire

OUTPUT, PRIORITY, MEASURE = "OUTP", "FUNC", "MEAS:CURR?"
"""What all of them, and what those with a priority, spell alike."""
RESOLUTION = 0.01
"""V, A, A/ms, A/s and s; what a setting of a box with a priority may differ by when it is read back."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a box: V, A (negative when it draws), what has tripped, and whether it holds its voltage."""

    voltage: float
    current: float
    on: bool
    tripped: str
    holds_voltage: bool


class TwoQuadrantBox(ABC):
    """A box in one of its roles; nothing is sent before the first call."""

    ratings: ClassVar[Ratings]

    def __init__(self, wire: Wire, role: str) -> None:
        """`role` is named in errors."""
        self._scpi = Scpi(wire, role)
        self._settings: dict[str, float] = {}

    @abstractmethod
    def off(self) -> None:
        """Switch the box off whatever its role, proven by reading back."""

    @abstractmethod
    def _take(self) -> None:
        """Remote, output off, and all settings of this role; raises Tripped."""

    @abstractmethod
    def _trips(self) -> str:
        """What has tripped."""

    @abstractmethod
    def _look(self) -> Look:
        """Everything in one exchange."""

    @abstractmethod
    def _set(self, setting: str, value: float) -> None:
        """Change a setting of this role, proven by reading back."""

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def reset(self) -> None:
        """Forget what others have set and left behind."""
        self._scpi.reset()

    def feed(self) -> None:
        """Say a word; raises Tripped when the watchdog has bitten or another protection is latched."""
        self._refuse_if_tripped()

    def _prepare(self, settings: dict[str, float]) -> None:
        self._settings = settings
        self._take()

    def _refuse_if_unprepared(self) -> None:
        if not self._settings:
            raise RoleError(self._scpi.role, "`prepare` it before it is switched on")

    def _refuse_if_tripped(self) -> None:
        if tripped := self._trips():
            raise Tripped(self._scpi.role, tripped)

    def _amperes(self) -> float:
        return self._scpi.number(MEASURE, "A")


class SupplySide(TwoQuadrantBox):
    """The box as a supply, which it is while it does not draw."""

    def reading(self) -> SupplyReading:
        """Voltage, current and state in one exchange; 0 A while the box draws."""
        look = self._look()
        mode: Literal["CV", "CC", "OFF"] = "OFF" if not look.on else "CV" if look.holds_voltage else "CC"
        return SupplyReading(look.voltage, max(0.0, look.current), mode, look.on, look.tripped)

    def set_voltage(self, volts: float) -> None:
        """Set the voltage, proven by reading back."""
        self._set("VOLT", volts)

    def current(self) -> float:
        """The current alone, A; 0 while the box draws."""
        return max(0.0, self._amperes())


class LoadSide(TwoQuadrantBox):
    """The box as a load, which it is while it does not feed."""

    def reading(self) -> LoadReading:
        """Voltage, current and state in one exchange; 0 A while the box feeds."""
        look = self._look()
        return LoadReading(look.voltage, max(0.0, -look.current), look.on, look.tripped)

    def current(self) -> float:
        """The current alone, A; 0 while the box feeds."""
        return max(0.0, -self._amperes())


class PriorityBox(TwoQuadrantBox):
    """A box that gives priority to voltage or current; what it is set to goes with that.

    `priority` is what the role regulates, as the box says it back; `watchdog_switch` arms its watchdog.
    """

    priority: ClassVar[str]
    watchdog_switch: ClassVar[str]

    def __init__(self, wire: Wire, role: str) -> None:
        """`role` is named in errors."""
        super().__init__(wire, role)
        self._words: dict[str, str] = {}

    @abstractmethod
    def _remote(self) -> None:
        """Take remote control."""

    def on(self) -> None:
        """Switch on in this role, proven by reading back; raises Tripped, and RoleError where nothing was prepared.

        An output may read back as on while a protection keeps it disabled, so the protections are asked for again.
        """
        self._refuse_if_unprepared()
        self._refuse_if_tripped()
        if self._scpi.ask(f"{PRIORITY}?").upper() != self.priority:
            self._take()
        try:
            self._scpi.choice(OUTPUT, "ON")
        except SettingRefused:
            self._refuse_if_tripped()
            raise
        self._refuse_if_tripped()

    def off(self) -> None:
        """Switch the box off whatever its role, proven by reading back."""
        self._scpi.switch(OUTPUT, "OFF")

    def clear(self) -> str:
        """Release latched protections and name those that were.

        A box may go back to what its output was switched to, so it is switched off before, and shown to be off after.
        """
        tripped = self._trips()
        self.off()
        self._scpi.command("OUTP:PROT:CLE")
        self.off()
        return tripped

    def watchdog(self, seconds: float) -> None:
        """Switch off by itself after `seconds` (1 to 3600) without a word, read back; 0 disarms."""
        if seconds:
            self._scpi.setting("OUTP:PROT:WDOG:DEL", seconds, RESOLUTION)
        self._scpi.choice(self.watchdog_switch, "ON" if seconds else "OFF")

    def _take(self) -> None:
        self._remote()
        self.off()
        self._refuse_if_tripped()
        self._prioritise()
        for setting, value in self._settings.items():
            self._scpi.setting(setting, value, RESOLUTION)
        for setting, word in self._words.items():
            self._scpi.choice(setting, word)

    def _prioritise(self) -> None:
        self._scpi.choice(PRIORITY, self.priority)

    def _set(self, setting: str, value: float) -> None:
        self._scpi.setting(setting, value, RESOLUTION)
        self._settings[setting] = value
