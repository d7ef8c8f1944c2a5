"""What Chroma's supplies and loads have in common: one switch, protections that latch, levels that are slewed to."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from station.twin.instruments.powered import PoweredInstrument
from station.twin.instruments.protection import Latch, Protection
from station.twin.scpi import Command, Dialect, Memories, Settings, Switch, knob, require

P = TypeVar("P", bound=Settings)


class ChromaInstrument(PoweredInstrument, Generic[P]):
    """An instrument with one `switch` among the settings of its panel."""

    def __init__(self, identity: str, panel: P, switch: Switch) -> None:
        """Power up switched off; what a subclass needs for its commands must be there before."""
        self._panel, self._on = panel, switch
        self._latch = Latch(tuple(self._protections()))
        self._settled = 0.0
        super().__init__(identity, Dialect(), self._commands())
        self._drive()

    @abstractmethod
    def _protections(self) -> Iterable[Protection]:
        """What trips it."""

    @abstractmethod
    def _commands(self) -> Iterable[Command]:
        """What it understands."""

    @abstractmethod
    def _drive(self) -> None:
        """Carry the settings to the terminals."""

    @abstractmethod
    def _change(self) -> None:
        """Carry new settings to the terminals and note when they are reached."""

    def _shared(self, places: range) -> Iterable[Command]:
        """CONFigure:REMote, *SAV and *RCL, which leaves it off."""
        yield from knob("CONFigure:REMote", Switch(words=("OFF", "ON")))
        yield from Memories(places, self._keep, self.reset).commands()

    def _keep(self) -> Callable[[], None]:
        put_back = self._panel.kept()

        def recall() -> None:
            put_back()
            self._switch(False)

        return recall

    def _switch(self, on: bool) -> None:
        require(not (on and self._latch.bits), -221)
        self._on.value = on
        self._change()

    def trip(self, bits: int = 1) -> None:
        """Latch protections: off, and ON refused until they are cleared."""
        self._latch.bits |= bits
        self.status.questionable.update(self._latch.bits)
        self._switch(False)

    def clear(self) -> None:
        """Release the latched protections; it stays off."""
        self._latch.clear()
        self.status.questionable.update(0)

    def pending(self) -> float:
        """Seconds until what was set is reached."""
        return max(0.0, self._settled - self.now)

    @property
    def next_due(self) -> float:
        """When a protection will trip if its cause persists, in seconds."""
        return self._latch.due

    def reset(self) -> None:
        """*RST: off, protections released, settings at their defaults; what is configured of the device stays."""
        self._panel.reset()
        self.clear()
        self._change()
