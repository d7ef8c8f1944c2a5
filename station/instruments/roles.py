"""What the roles on a bench can do, whatever instrument plays them. Units: V, A, W, ohm, degC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Ratings:
    """What an instrument can do at most; 0 where it does not apply."""

    voltage: float
    current: float = 0.0
    power: float = 0.0


@dataclass(frozen=True, slots=True)
class Identity:
    """The fields of a reply to `*IDN?` (IEEE 488.2, 10.14)."""

    manufacturer: str
    model: str
    serial_number: str
    firmware: str


@dataclass(frozen=True, slots=True)
class SupplyReading:
    """One look at a supply; `tripped` names the latched protections and is empty when there are none."""

    voltage: float
    current: float
    mode: Literal["CV", "CC", "OFF"]
    on: bool
    tripped: str = ""


@dataclass(frozen=True, slots=True)
class LoadReading:
    """One look at a load; `tripped` names the latched protections and is empty when there are none."""

    voltage: float
    current: float
    on: bool
    tripped: str = ""


class Instrument(Protocol):
    """Anything with a face of its own."""

    @property
    def ratings(self) -> Ratings:
        """What it can do at most."""
        ...

    def identify(self) -> Identity:
        """Who answers."""
        ...

    def reset(self) -> None:
        """Go to its defaults, outputs off, with nothing in its error queue: forget what others have left behind."""
        ...


class Source(Instrument, Protocol):
    """What supply and load have in common."""

    def on(self) -> None:
        """Switch on, proven by reading back; raises Tripped when a protection forbids it."""
        ...

    def off(self) -> None:
        """Switch off, proven by reading back; may be the first thing said on a fresh connection, and repeated."""
        ...

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back."""
        ...

    def current(self) -> float:
        """The quickest reading of the current, for samples during a trip."""
        ...

    def clear(self) -> str:
        """Release latched protections and name those that were; the output stays off."""
        ...


class Supply(Source, Protocol):
    """A DC supply."""

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections and settings, all read back; raises Tripped and clears nothing."""
        ...

    def set_voltage(self, volts: float) -> None:
        """Set the voltage, proven by reading back."""
        ...

    def reading(self) -> SupplyReading:
        """Voltage, current and state in one exchange."""
        ...


class Load(Source, Protocol):
    """An electronic load in constant current."""

    def prepare(self, max_current: float, max_power: float, *, starts_at: float = 0.0, slew: float = 1e6) -> None:
        """Remote, input off, constant current at 0 A, limits, all read back; raises Tripped and clears nothing.

        The load draws nothing below `starts_at` volts; the current changes by `slew` A/s.
        """
        ...

    def reading(self) -> LoadReading:
        """Voltage, current and state in one exchange."""
        ...


@runtime_checkable
class Watchdog(Protocol):
    """What some supplies and loads can do besides: switch themselves off when the station falls silent."""

    def watchdog(self, seconds: float) -> None:
        """Switch off by itself after `seconds` without a word, proven by reading back; 0 disarms."""
        ...

    def feed(self) -> None:
        """Say a word; raises Tripped when the watchdog has bitten or another protection is latched."""
        ...


class Voltmeter(Instrument, Protocol):
    """A DC voltmeter."""

    def prepare(self, range_v: float, nplc: float) -> None:
        """Fix range (V) and integration time (power line cycles), read back."""
        ...

    def voltage(self) -> float:
        """One measurement; an overload raises BadReply."""
        ...


class Switch(Instrument, Protocol):
    """Relays, measuring channels and digital ports, by the instrument's own channel numbers."""

    def close(self, channels: Iterable[int]) -> None:
        """Close relays, proven by reading back."""
        ...

    def open(self, channels: Iterable[int]) -> None:
        """Open relays, proven by reading back; may be the first thing said on a fresh connection, and repeated."""
        ...

    def closed(self) -> frozenset[int]:
        """The relays that are closed."""
        ...

    def read_port(self, port: int) -> int:
        """The 8 bits of a digital port."""
        ...

    def write_port(self, port: int, byte: int) -> None:
        """Drive a digital port with 8 bits, proven by reading back."""
        ...

    def voltage(self, channel: int) -> float:
        """DC voltage of a channel."""
        ...

    def resistance(self, channel: int) -> float:
        """Resistance of a channel; an overload (an open contact) reads as infinity."""
        ...

    def temperature(self, channel: int) -> float:
        """Temperature of a channel."""
        ...
