"""The DAQM901A multiplexer module and the meter behind it: how each of its channels is set up to measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping

from station.twin.instruments.multimeter import Digitiser, Function, Sense
from station.twin.instruments.switching import SETTLING
from station.twin.scpi import Channels, Command, Optional, Quantity, ScpiError, Switch, Text, require
from station.twin.scpi.values import Word

VOLTAGE = tuple(range(101, 121))
CURRENT = (121, 122)
CYCLES = (0.02, 0.2, 1.0, 2.0, 10.0, 20.0, 100.0, 200.0)
"""Integration times in power line cycles."""

FUNCTIONS = (
    Function("VOLT", "VOLTage[:DC]", (0.1, 1.0, 10.0, 100.0, 300.0)),
    Function("VOLT:AC", "VOLTage:AC", (0.1, 1.0, 10.0, 100.0, 300.0)),
    Function("RES", "RESistance", (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)),
    Function("FRES", "FRESistance", (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8)),
    Function("TEMP", "TEMPerature", (1000.0,)),
    Function("CURR", "CURRent[:DC]", (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0)),
    Function("CURR:AC", "CURRent:AC", (1e-4, 1e-3, 0.01, 0.1, 1.0)),
)
_OPEN = ("RES", "FRES", "TEMP")

Probes = Mapping[int, Callable[[], float]]
"""What is connected to the channels, in V, ohm or degrees Celsius."""


def fit(function: Function) -> tuple[int, ...]:
    """The channels that can measure a function; four-wire resistance takes channel n and n + 10."""
    if function.name.startswith("CURR"):
        return CURRENT
    return VOLTAGE[:10] if function.name == "FRES" else VOLTAGE


def fresh(function: Function) -> Sense:
    """The settings of a function at their defaults: automatic range, 1 power line cycle."""
    return Sense(function, CYCLES, 1.0)


class _Setup:
    """How one channel is set up: what it measures, and how it would measure everything else."""

    def __init__(self, number: int) -> None:
        self.senses = {function.name: fresh(function) for function in FUNCTIONS if number in fit(function)}
        self.reset()

    def reset(self) -> None:
        """DC volts, or direct current on a current channel, with all settings at their defaults."""
        self.sense = next(iter(self.senses.values()))
        for sense in self.senses.values():
            sense.reset()


class Multiplexer:
    """The channels of the module. Commands without a channel list are for the `scanned` channels.

    A channel without a probe reads 0 V or 0 A, and as ohms or degrees an overload.
    """

    def __init__(
        self,
        digitiser: Digitiser,
        probes: Mapping[str, Probes],
        known: Collection[int],
        scanned: Callable[[], tuple[int, ...]],
    ) -> None:
        """`probes` go by the short name of a function; `known` are all channels of the mainframe."""
        self.channels = (*VOLTAGE, *CURRENT)
        self._digitiser, self._probes = digitiser, probes
        self._known, self._scanned = known, scanned
        self._setups = {number: _Setup(number) for number in self.channels}

    def reset(self) -> None:
        """All channels at their defaults."""
        for setup in self._setups.values():
            setup.reset()

    def configure(self, name: str, top: float | None, resolution: float | None, channels: Iterable[int]) -> None:
        """Have the channels measure a function; range 0 is automatic, a negative resolution the default."""
        for channel in channels:
            setup = self._setups[channel]
            setup.sense = setup.senses[name]
            setup.sense.configure(top, resolution)

    def duration(self, channel: int) -> float:
        """Seconds to close the relay of a channel and measure it."""
        return SETTLING + self._setups[channel].sense.duration

    def measure(self, channel: int) -> float:
        """One reading of a channel."""
        sense = self._setups[channel].sense
        nothing = math.inf if sense.function.name in _OPEN else 0.0
        probe = self._probes.get(sense.function.name, {}).get(channel, lambda: nothing)
        return self._digitiser.measure(sense, probe)

    def commands(self) -> Iterable[Command]:
        """The settings of each function, CONFigure? and FUNCtion; each channel has them for itself."""
        channels = Channels(self._known, self.channels)
        yield Command("CONFigure?", self._described, Optional(channels))
        yield Command("[SENSe:]FUNCtion", self._select, Text(), Optional(channels))
        yield Command("[SENSe:]FUNCtion?", self._selected, Optional(channels))
        for function in FUNCTIONS:
            root = f"[SENSe:]{function.header}"
            yield from self._knob(f"{root}:RANGe[:UPPer]", function, lambda sense: sense.range, Sense.fix_range)
            yield from self._knob(f"{root}:NPLC", function, lambda sense: sense.cycles, Sense.fix_cycles)
            yield from self._knob(f"{root}:APERture", function, lambda sense: sense.aperture, Sense.fix_aperture)
            yield from self._switch(f"{root}:RANGe:AUTO", function, lambda sense: sense.auto)
            yield from self._switch(f"{root}:ZERO:AUTO", function, lambda sense: sense.zero)

    def _knob(
        self, header: str, function: Function, pick: Callable[[Sense], Quantity], then: Callable[[Sense], None]
    ) -> Iterable[Command]:
        """The two commands of a quantity."""
        listed, kind = Optional(Channels(self._known, fit(function))), pick(fresh(function))

        def assign(value: float, channels: tuple[int, ...] | None) -> None:
            for sense in self._senses(function, channels):
                pick(sense).value = value
                then(sense)

        def ask(value: float | None, channels: tuple[int, ...] | None) -> str:
            found = map(pick, self._senses(function, channels))
            return ",".join(one.text(one.value if value is None else value) for one in found)

        yield Command(header, assign, kind, listed)
        yield Command(header + "?", ask, Optional(Word(kind)), listed)

    def _switch(self, header: str, function: Function, pick: Callable[[Sense], Switch]) -> Iterable[Command]:
        """The two commands of a switch."""
        listed = Optional(Channels(self._known, fit(function)))

        def assign(value: bool, channels: tuple[int, ...] | None) -> None:
            for sense in self._senses(function, channels):
                pick(sense).value = value

        def ask(channels: tuple[int, ...] | None) -> str:
            found = map(pick, self._senses(function, channels))
            return ",".join(one.text(one.value) for one in found)

        yield Command(header, assign, pick(fresh(function)), listed)
        yield Command(header + "?", ask, listed)

    def _chosen(self, channels: tuple[int, ...] | None) -> list[_Setup]:
        """The channels named, or those of the scan list; raises 113 or 303."""
        chosen = self._scanned() if channels is None else channels
        require(bool(chosen), 113)
        require(set(chosen) <= self._setups.keys(), 303)
        return [self._setups[channel] for channel in chosen]

    def _senses(self, function: Function, channels: tuple[int, ...] | None) -> list[Sense]:
        """How the chosen channels measure a function; raises 303 when one cannot."""
        setups = self._chosen(channels)
        require(all(function.name in setup.senses for setup in setups), 303)
        return [setup.senses[function.name] for setup in setups]

    def _described(self, channels: tuple[int, ...] | None) -> str:
        return ",".join(setup.sense.described() for setup in self._chosen(channels))

    def _selected(self, channels: tuple[int, ...] | None) -> str:
        return ",".join(f'"{setup.sense.function.name}"' for setup in self._chosen(channels))

    def _select(self, name: str, channels: tuple[int, ...] | None) -> None:
        found = next((function for function in FUNCTIONS if function.called(name)), None)
        if found is None:
            raise ScpiError(-224)
        self._senses(found, channels)
        for setup in self._chosen(channels):
            setup.sense = setup.senses[found.name]
