"""The DAQM901A multiplexer module and the meter behind it: how each of its channels is set up to measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from station.twin.instruments.multimeter import OVERLOAD, TRANSDUCERS, Digitiser, Function, Sense
from station.twin.instruments.readings import Treatment
from station.twin.instruments.switching import SETTLING
from station.twin.scpi import (
    Channels,
    Choice,
    Command,
    Optional,
    Quantity,
    ScpiError,
    Settings,
    Switch,
    Text,
    nr1_signed,
    nr3,
    require,
)
from station.twin.scpi.tree import Setting
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
    Function("FREQ", "FREQuency", (300e3,)),
    Function("PER", "PERiod", (1.0,)),
    Function("CAP", "CAPacitance", (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)),
    Function("DIOD", "DIODe", (5.0,), "DIOD"),
)
_OPEN = ("RES", "FRES", "TEMP", "DIOD")
KIND, COUPLE = "TRANsducer:TYPE", "TRANsducer:TCouple:TYPE"
THERMOCOUPLES = ("J", "B", "E", "K", "N", "R", "S", "T")
LONGEST_DELAY = 60.0
INSIDE = 25.0
"""Degrees Celsius of the terminals, where thermocouples end."""


def sensors() -> dict[str, Quantity | Switch | Choice]:
    """What TEMPerature knows of sensors at its defaults, by header; every sensor tells the true temperature."""
    junction: tuple[str, ...] = ("INTernal", "EXTernal", "FIXed")
    return {
        KIND: Choice(TRANSDUCERS),
        COUPLE: Choice(THERMOCOUPLES),
        "TRANsducer:TCouple:CHECk": Switch(),
        "TRANsducer:TCouple:RJUNction:TYPE": Choice(junction),
        "TRANsducer:TCouple:RJUNction": Quantity(-20, 80, 0, "C"),
        "RJUNction:TYPE": Choice(junction),
        **{f"TRANsducer:{node}:TYPE": Quantity(85, 91, 85, form=nr1_signed, steps=(85.0, 91.0)) for node in RESISTORS},
        **{f"TRANsducer:{node}:RESistance[:REFerence]": Quantity(49, 2100, 100, "OHM") for node in RESISTORS},
        **{
            f"TRANsducer:{node}:TYPE": Quantity(2252, 10e3, 5000, form=nr1_signed, steps=(2252.0, 5000.0, 10e3))
            for node in ("FTHermistor", "THERmistor")
        },
    }


RESISTORS = ("RTD", "FRTD")

T = TypeVar("T")

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


class _Setup(Settings):
    """How one channel is set up: what it measures, and how it would measure everything else."""

    def __init__(self, number: int) -> None:
        self.senses = {function.name: fresh(function) for function in FUNCTIONS if number in fit(function)}
        self.function = Choice(tuple(self.senses))
        self.delay, self.automatic = Quantity(0, LONGEST_DELAY, 0, "S", decimals=3), Switch(True)
        self.impedance = Switch()
        self.degrees = Choice(("C", "F", "K"))
        self.sensor = sensors()
        self.compensated, self.four_wires, self.label = Switch(), Switch(), Text(18)
        self.slowest, self.range_by_voltage = Quantity(3, 300e3, 20, "HZ", steps=(3.0, 20.0, 200.0)), Switch(True)
        self.treatment = Treatment()

    @property
    def sense(self) -> Sense:
        """How it measures what it measures."""
        return self.senses[self.function.value]

    @property
    def unit(self) -> str:
        """What its readings are in."""
        if self.treatment.scaled.value and self.treatment.unit.value:
            return self.treatment.unit.value
        return self.degrees.value if self.function.value == "TEMP" else self.sense.function.unit

    def read(self, value: float) -> float:
        """A measured value in the unit that was asked for, and scaled; an overload stays one."""
        if abs(value) >= OVERLOAD:
            return value
        if self.function.value == "TEMP":
            value = {"C": value, "F": 1.8 * value + 32.0, "K": value + 273.15}[self.degrees.value]
        return self.treatment.scale(value)


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
            setup.function.value = name
            setup.sense.configure(top, resolution)

    def equip(self, kind: str | None, type_: str | None, channels: Iterable[int]) -> None:
        """Say what tells the temperature on these channels, a thermocouple where that is left out."""
        for channel in channels:
            sensor = self._setups[channel].sensor
            sensor[KIND].value = kind if kind not in (None, "DEF") else "TC"
            if sensor[KIND].value == "TC" and type_ in THERMOCOUPLES:
                sensor[COUPLE].value = type_

    def null(self, channels: tuple[int, ...] | None) -> None:
        """CALCulate:SCALe:OFFSet:NULL: what a channel reads now reads 0 from now on."""
        self._chosen(channels, self.channels)
        for channel in self._scanned() if channels is None else channels:
            treatment = self._setups[channel].treatment
            value, _, _ = self.measure(channel)
            treatment.offset.value -= value if treatment.scaled.value else value * treatment.gain.value

    def kept(self) -> Callable[[], None]:
        """What puts all channels back to how they are set up now."""
        puts = [setup.kept() for setup in self._setups.values()]

        def put_back() -> None:
            for put in puts:
                put()

        return put_back

    def duration(self, channel: int) -> float:
        """Seconds to close the relay of a channel, let it settle and measure it."""
        setup = self._setups[channel]
        return SETTLING + (0.0 if setup.automatic.value else setup.delay.value) + setup.sense.duration

    def measure(self, channel: int) -> tuple[float, str, int]:
        """One reading of a channel, its unit, and the alarm that it raises (0: none, 1: low, 2: high)."""
        setup = self._setups[channel]
        sense = setup.sense
        nothing = math.inf if sense.function.name in _OPEN else 0.0
        probe = self._probes.get(sense.function.name, {}).get(channel, lambda: nothing)
        value = setup.read(self._digitiser.measure(sense, probe))
        return value, setup.unit, setup.treatment.alarm(value)

    def commands(self) -> Iterable[Command]:
        """The settings of each function, CONFigure? and FUNCtion; each channel has them for itself."""
        channels = Channels(self._known, self.channels)
        yield Command("CONFigure?", self._described, Optional(channels))
        yield Command("[SENSe:]FUNCtion", self._select, Text(), Optional(channels))
        yield Command("[SENSe:]FUNCtion?", self._selected, Optional(channels))
        for function in FUNCTIONS:
            yield from self._sensing(function)
        yield from self._treating()
        every = self.channels
        yield from self._knob("ROUTe:CHANnel:DELay", every, lambda setup: setup.delay, _wait)
        yield from self._knob("ROUTe:CHANnel:DELay:AUTO", every, lambda setup: setup.automatic)
        yield from self._knob("INPut:IMPedance:AUTO", every, lambda setup: setup.impedance)
        yield from self._knob("[SENSe:]ZERO:AUTO", every, lambda setup: setup.sense.zero)
        yield from self._knob("UNIT:TEMPerature", every, lambda setup: setup.degrees)
        yield from self._knob("[SENSe:]VOLTage[:DC]:IMPedance:AUTO", VOLTAGE, lambda setup: setup.impedance)
        yield from self._knob("ROUTe:CHANnel:LABel", every, lambda setup: setup.label)
        yield from self._knob("ROUTe:CHANnel:FWIRe", VOLTAGE[:10], lambda setup: setup.four_wires)
        for node in ("RESistance", "FRESistance"):
            yield from self._knob(f"[SENSe:]{node}:OCOMpensated", VOLTAGE, lambda setup: setup.compensated)
        for node in ("FREQuency", "PERiod"):
            yield from self._knob(f"[SENSe:]{node}:RANGe:LOWer", VOLTAGE, lambda setup: setup.slowest)
            yield from self._knob(f"[SENSe:]{node}:VOLTage:RANGe:AUTO", VOLTAGE, lambda setup: setup.range_by_voltage)
        for node in sensors():
            yield from self._knob(f"[SENSe:]TEMPerature:{node}", VOLTAGE, partial(_sensor, node))
        yield Command(
            "[SENSe:]TEMPerature:RJUNction?",
            lambda chosen: ",".join(nr3(INSIDE) for _ in self._chosen(chosen, VOLTAGE)),
            Optional(Channels(self._known, VOLTAGE)),
        )

    def _sensing(self, function: Function) -> Iterable[Command]:
        """How one function measures, on each channel that has it."""
        root, channels = f"[SENSe:]{function.header}", fit(function)

        def sense(setup: _Setup) -> Sense:
            return setup.senses[function.name]

        yield from self._knob(
            f"{root}:RANGe[:UPPer]",
            channels,
            lambda setup: sense(setup).range,
            lambda setup: sense(setup).fix_range(),
        )
        yield from self._knob(
            f"{root}:NPLC", channels, lambda setup: sense(setup).cycles, lambda setup: sense(setup).fix_cycles()
        )
        yield from self._knob(
            f"{root}:APERture", channels, lambda setup: sense(setup).aperture, lambda setup: sense(setup).fix_aperture()
        )
        yield from self._knob(f"{root}:RANGe:AUTO", channels, lambda setup: sense(setup).auto)
        yield from self._knob(f"{root}:ZERO:AUTO", channels, lambda setup: sense(setup).zero)
        yield from self._knob(f"{root}:APERture:ENABled", channels, lambda setup: sense(setup).timed)
        if function.rectified:
            yield from self._knob(f"{root}:BANDwidth", channels, lambda setup: sense(setup).bandwidth)
        listed = Optional(Channels(self._known, channels))
        finest = fresh(function).parameters()[1].parameter
        yield Command(
            f"{root}:RESolution", lambda value, chosen: self._resolve(function, value, chosen), finest, listed
        )
        yield Command(
            f"{root}:RESolution?",
            lambda chosen: ",".join(nr3(sense(setup).resolution) for setup in self._chosen(chosen, channels)),
            listed,
        )

    def _resolve(self, function: Function, resolution: float, chosen: tuple[int, ...] | None) -> None:
        for setup in self._chosen(chosen, fit(function)):
            setup.senses[function.name].resolve(resolution)

    def _treating(self) -> Iterable[Command]:
        """CALCulate:SCALe and CALCulate:LIMit."""
        every = self.channels
        yield from self._knob("CALCulate:SCALe:STATe", every, lambda setup: setup.treatment.scaled)
        yield from self._knob("CALCulate:SCALe:GAIN", every, lambda setup: setup.treatment.gain)
        yield from self._knob("CALCulate:SCALe:OFFSet", every, lambda setup: setup.treatment.offset)
        yield Command("CALCulate:SCALe:OFFSet:NULL", self.null, Optional(Channels(self._known, every)))
        yield from self._knob("CALCulate:SCALe:UNIT", every, lambda setup: setup.treatment.unit)
        yield from self._knob("CALCulate:LIMit:UPPer", every, lambda setup: setup.treatment.upper)
        yield from self._knob("CALCulate:LIMit:UPPer:STATe", every, lambda setup: setup.treatment.upper_on)
        yield from self._knob("CALCulate:LIMit:LOWer", every, lambda setup: setup.treatment.lower)
        yield from self._knob("CALCulate:LIMit:LOWer:STATe", every, lambda setup: setup.treatment.lower_on)

    def _knob(
        self,
        header: str,
        fit: Collection[int],
        pick: Callable[[_Setup], Setting[T]],
        then: Callable[[_Setup], None] = lambda _setup: None,
    ) -> Iterable[Command]:
        """The two commands of a setting that each channel of `fit` has for itself."""
        listed, kind = Optional(Channels(self._known, fit)), pick(self._setups[next(iter(fit))])

        def assign(value: T, channels: tuple[int, ...] | None) -> None:
            for setup in self._chosen(channels, fit):
                pick(setup).value = value
                then(setup)

        def ask(value: T | None, channels: tuple[int, ...] | None) -> str:
            found = map(pick, self._chosen(channels, fit))
            return ",".join(one.text(one.value if value is None else value) for one in found)

        yield Command(header, assign, kind, listed)
        if isinstance(kind, Quantity):
            yield Command(header + "?", ask, Optional(Word(kind)), listed)
        else:
            yield Command(header + "?", partial(ask, None), listed)

    def _chosen(self, channels: tuple[int, ...] | None, fit: Collection[int]) -> list[_Setup]:
        """The channels named, or those of the scan list; raises 113, or 303 where one is not among `fit`."""
        chosen = self._scanned() if channels is None else channels
        require(bool(chosen), 113)
        require(set(chosen) <= set(fit), 303)
        return [self._setups[channel] for channel in chosen]

    def _described(self, channels: tuple[int, ...] | None) -> str:
        return ",".join(setup.sense.described() for setup in self._chosen(channels, self.channels))

    def _selected(self, channels: tuple[int, ...] | None) -> str:
        return ",".join(f'"{setup.function.value}"' for setup in self._chosen(channels, self.channels))

    def _select(self, name: str, channels: tuple[int, ...] | None) -> None:
        found = next((function for function in FUNCTIONS if function.called(name)), None)
        if found is None:
            raise ScpiError(-224)
        for setup in self._chosen(channels, fit(found)):
            setup.function.value = found.name


def _wait(setup: _Setup) -> None:
    """A delay that was set by hand ends the automatic one."""
    setup.automatic.value = False


def _sensor(node: str, setup: _Setup) -> Setting[Any]:
    """What a channel knows of its sensor."""
    return setup.sensor[node]
