"""What boxes that are supply and load at once have in common, whoever makes them: output, protections, watchdog."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from station.twin.instruments.powered import PoweredInstrument
from station.twin.instruments.protection import Latch, Protection
from station.twin.instruments.two_quadrants import Offer, Quadrants
from station.twin.scpi import Command, Dialect, Quantity, Settings, Switch, knob, require


class Output(Settings):
    """The switch of an output, which obeys after a delay where the box has that.

    `on` is what it was switched to, `flows` whether it does.
    """

    def __init__(self, words: tuple[str, str] = ("0", "1"), longest_delay: float = 0.0) -> None:
        """Off; delays go up to `longest_delay` seconds."""
        self.on = Switch(words=words)
        self.rise = Quantity(0, longest_delay, 0, "S")
        self.fall = Quantity(0, longest_delay, 0, "S")
        self._since = -math.inf

    def turn(self, on: bool, now: float) -> None:
        """Switch it at the time `now`."""
        self._since = now if on != self.on.value else self._since
        self.on.value = on

    def cut(self) -> None:
        """Off at once."""
        self.on.value, self._since = False, -math.inf

    @property
    def settled(self) -> float:
        """When it has obeyed, in seconds."""
        return self._since + (self.rise if self.on.value else self.fall).value

    def flows(self, now: float) -> bool:
        """Whether it is on at the time `now`."""
        return self.on.value == (now >= self.settled)

    def age(self, now: float) -> float:
        """Seconds since it was switched."""
        return now - self._since


@dataclass(slots=True)
class Counter:
    """What has flowed, in the unit of its rate times hours."""

    total: float = 0.0

    def add(self, rate: float, seconds: float) -> None:
        """Let it flow."""
        self.total += rate * seconds / 3600

    def reset(self) -> None:
        """Begin anew."""
        self.total = 0.0


class Panel(Settings):
    """What *RST puts back: at least the output."""

    output: Output


class Watchdog(Settings):
    """Trips the box when it has heard nothing for longer than `patience` seconds, once it is armed."""

    def __init__(self, armed: Switch, patience: Quantity) -> None:
        """Nothing was heard yet."""
        self.armed, self.patience = armed, patience
        self.heard = 0.0

    @property
    def due(self) -> float:
        """When it bites, in seconds."""
        return self.heard + self.patience.value if self.armed.value else math.inf

    def knobs(self, armed: str, patience: str) -> Iterable[Command]:
        """Its commands, under the names that the maker has for them."""
        yield from knob(armed, self.armed)
        yield from knob(patience, self.patience)


P = TypeVar("P", bound=Panel)


class TwoQuadrantBox(PoweredInstrument, Generic[P]):
    """A box with one output that feeds and draws; it sets `output` and reads what the circuit made of it."""

    def __init__(self, identity: str, dialect: Dialect, output: Quadrants, panel: P, watchdog: Watchdog) -> None:
        """Power up with the output off; what a subclass needs for its commands must be there before."""
        self.output = output
        self.voltmeter, self.ammeter = output.voltmeter, output.ammeter
        self.watchdog = watchdog
        self._panel = panel
        self._latch = Latch(tuple(self._protections()))
        super().__init__(identity, dialect, self._commands())
        self._change()

    @abstractmethod
    def _protections(self) -> Iterable[Protection]:
        """What trips it."""

    @abstractmethod
    def _commands(self) -> Iterable[Command]:
        """What it understands."""

    @abstractmethod
    def _offer(self) -> Offer:
        """What it wants of the circuit now."""

    @abstractmethod
    def _show(self) -> None:
        """Bring the status registers up to date."""

    @property
    def flows(self) -> bool:
        """Whether the output is really on."""
        return self._panel.output.flows(self.now)

    def trip(self, bits: int = 1) -> None:
        """Latch protections: output off, and ON refused until they are cleared."""
        self._latch.bits |= bits
        self._panel.output.cut()
        self._change()

    def _switch(self, on: bool) -> None:
        require(not (on and self._latch.bits), -221)
        self._panel.output.turn(on, self.now)
        self._change()

    def _output(self) -> Iterable[Command]:
        """OUTPut, and what it reads back: what it was switched to."""
        switch = self._panel.output.on
        yield Command("OUTPut[:STATe]", self._switch, switch)
        yield Command("OUTPut[:STATe]?", lambda: switch.text(switch.value))

    def _change(self) -> None:
        """Carry the settings to the terminals and show in the registers what came of it."""
        self.output.drive(self._offer())
        self._show()

    def _keep(self) -> Callable[[], None]:
        """For *SAV: all settings but the output, which *RCL leaves off."""
        put_back = self._panel.kept()

        def recall() -> None:
            put_back()
            self._panel.output.cut()
            self._change()

        return recall

    # ------------------------------------------------------------------------------------------------ life

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message in steps; any message feeds the watchdog."""
        self.watchdog.heard = self.watchdog.heard if self.silent else self.now
        return super().run(message)

    def pending(self) -> float:
        """Seconds until the output has obeyed its switch."""
        return max(0.0, self._panel.output.settled - self.now)

    @property
    def next_due(self) -> float:
        """When a protection or the watchdog will trip if its cause persists, or the output obeys, in seconds."""
        if self._panel.output.settled > self.now:
            return self._panel.output.settled
        return min(self._latch.due, self.watchdog.due) if self.flows else math.inf

    def tick(self, now: float) -> None:
        """Watch the protections; carry over what time or a fault has changed. An output that is off stays as it is."""
        flowed = self.flows
        super().tick(now)
        if not self.flows:
            self._latch.rest()
            if flowed:
                self._change()
            return
        if bits := self._latch.watch(now):
            self.trip(bits)
        self._change()

    def reset(self) -> None:
        """*RST: output off, protections released, settings at their defaults."""
        self._panel.reset()
        self._panel.output.cut()
        self._latch.clear()
        self._change()
