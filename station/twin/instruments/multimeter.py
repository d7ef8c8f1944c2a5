"""What the digitisers of the 34465A and the DAQ970A have in common: functions, ranges, integration time, resolution."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from numpy.random import Generator

from station.twin.scpi import Choice, Optional, Quantity, Settings, Switch, nr3, require
from station.twin.scpi.values import matches

LINE_FREQUENCY = 50.0
OVERLOAD = 9.9e37
"""What a meter reports beyond its range (SCPI-99 volume 1, 7.2.1.4)."""

RESOLUTIONS: Mapping[float, float] = MappingProxyType(
    {
        0.001: 30e-6,
        0.002: 15e-6,
        0.006: 6e-6,
        0.02: 3e-6,
        0.06: 1.5e-6,
        0.2: 0.7e-6,
        1.0: 0.3e-6,
        2.0: 0.2e-6,
        10.0: 0.1e-6,
        20.0: 0.08e-6,
        100.0: 0.03e-6,
        200.0: 0.022e-6,
    }
)
"""Resolution as a part of the range, by integration time in power line cycles (34465A and 34970A data sheets)."""


UNITS: Mapping[str, str] = MappingProxyType(
    {
        "VOLT": "VDC",
        "VOLT:AC": "VAC",
        "RES": "OHM",
        "FRES": "OHM",
        "CURR": "ADC",
        "CURR:AC": "AAC",
        "FREQ": "HZ",
        "PER": "S",
        "CAP": "F",
        "DIOD": "VDC",
        "CONT": "OHM",
        "TEMP": "C",
    }
)
"""What readings are in, by the name of the function."""
SUFFIXES: Mapping[str, str] = MappingProxyType({"VDC": "V", "VAC": "V", "ADC": "A", "AAC": "A", "C": ""})
"""What ranges are in where it is not what readings are in."""


@dataclass(frozen=True, slots=True)
class Function:
    """A measuring function: its short name, its header, its ranges, and how CONFigure? describes it if not by range."""

    name: str
    header: str
    ranges: tuple[float, ...]
    described: str = ""

    @property
    def unit(self) -> str:
        """What its readings are in, as DATA:LAST? says it."""
        return UNITS.get(self.name, "")

    @property
    def suffix(self) -> str:
        """The unit that may stand behind a range: `10mA`."""
        return SUFFIXES.get(self.unit, self.unit)

    @property
    def rectified(self) -> bool:
        """Whether its readings are effective values, never negative."""
        return self.name.endswith(":AC")

    def called(self, text: str) -> bool:
        """Whether `text`, such as VOLT:DC, is a name of this function."""
        names, nodes = text.upper().removesuffix(":DC").split(":"), self.header.removesuffix("[:DC]").split(":")
        return len(names) == len(nodes) and all(map(matches, names, nodes))


@dataclass(frozen=True, slots=True)
class Ranging:
    """ON, OFF or a number, which are true or false; or ONCE, which is None."""

    def parse(self, text: str) -> bool | None:
        """Read one of them; raises -104 or -224."""
        return None if text.upper() == "ONCE" else Switch().parse(text)


@dataclass(slots=True)
class Zero(Switch):
    """Automatic zero, which ONCE leaves off after one zero measurement."""

    def parse(self, text: str) -> bool:
        """Read ON, OFF, ONCE or a number."""
        return text.upper() != "ONCE" and Switch.parse(self, text)


@dataclass(frozen=True, slots=True)
class SensorType:
    """The kind of thermocouple, RTD or thermistor: a letter or a number, which changes nothing here."""

    def parse(self, text: str) -> str:
        """Take it as it is; raises -104 for anything but letters and digits."""
        require(text.replace(".", "").isalnum(), -104)
        return text


TRANSDUCERS = ("TCouple", "RTD", "FRTD", "FTHermistor", "THERmistor")
"""What tells a temperature; each of them tells the true one."""


def sensor() -> tuple[Optional, Optional, Optional]:
    """Parameters of CONFigure:TEMPerature: the transducer, its type, and a 1 that stands for the range."""
    return Optional(Choice(("DEFault", *TRANSDUCERS))), Optional(SensorType()), Optional(Quantity(0, 1, 1))


class Sense(Settings):
    """How one function measures: range, integration time, automatic zero."""

    def __init__(self, function: Function, cycles: tuple[float, ...], default: float) -> None:
        """`cycles` are the integration times on offer, in power line cycles."""
        ranges = function.ranges
        self.function = function
        self.range = Quantity(0, ranges[-1], ranges[min(2, len(ranges) - 1)], function.suffix, steps=ranges)
        self.auto = Switch(True)
        self.cycles = Quantity(0, cycles[-1], default, steps=cycles)
        self.aperture = Quantity(20e-6, 1.0, 0.1, "S", decimals=6)
        self.timed = Switch()
        self.zero = Zero(True)
        self.impedance = Switch()
        self.bandwidth = Quantity(3, 200, 20, "HZ", steps=(3.0, 20.0, 200.0))
        self.null, self.null_auto = Switch(), Switch()
        self.null_value = Quantity(-1.2 * ranges[-1], 1.2 * ranges[-1], 0, function.suffix)
        self._null_awaited = False

    @property
    def duration(self) -> float:
        """Seconds of one measurement."""
        return self.aperture.value if self.timed.value else self.cycles.value / LINE_FREQUENCY

    @property
    def resolution(self) -> float:
        """The smallest step of a reading in the present range, in the unit of the function."""
        cycles = tuple(RESOLUTIONS)
        longest = bisect_left(cycles, self.duration * LINE_FREQUENCY * (1 + 1e-9)) - 1
        return RESOLUTIONS[cycles[max(0, longest)]] * self.range.value

    def resolve(self, resolution: float) -> None:
        """Choose the shortest integration time that gives the wanted resolution or better."""
        steps = self.cycles.steps
        fitting = (cycles for cycles in steps if RESOLUTIONS[cycles] * self.range.value <= resolution * (1 + 1e-9))
        self.cycles.value = next(fitting, steps[-1])
        self.timed.value = False

    def configure(self, top: float | None, resolution: float | None) -> None:
        """CONFigure: defaults, then a range (0 for automatic) and a resolution (negative for the default)."""
        self.reset()
        if top:
            self.range.value, self.auto.value = top, False
        if resolution is not None and resolution >= 0:
            self.resolve(resolution)

    def parameters(self) -> tuple[Optional, Optional]:
        """The parameters of CONFigure and MEASure: range and resolution, either may be left out."""
        tops, unit = self.function.ranges, self.function.suffix
        top = Quantity(0, tops[-1], tops[-1], unit, steps=tops, words={"AUTO": 0.0, "DEFault": 0.0})
        return Optional(top), Optional(Quantity(0, tops[-1], 0, unit, words={"DEFault": -1.0}))

    def renew_null(self) -> None:
        """With the null switched on or made automatic, the next reading is what is subtracted from then on."""
        self.null_auto.value = self.null_auto.value or (self.null.value and self.null_value.value == 0)
        self._null_awaited = self.null.value and self.null_auto.value

    def fix_null(self) -> None:
        """A null value that was set by hand is used."""
        self.null_auto.value = self._null_awaited = False

    def nulled(self, reading: float) -> float:
        """A reading less the null value; an overload stays one."""
        if not self.null.value or abs(reading) >= OVERLOAD:
            return reading
        if self._null_awaited:
            self._null_awaited, self.null_value.value = False, reading
        return reading - self.null_value.value

    def fix_range(self) -> None:
        """A range that was set by hand ends automatic ranging."""
        self.auto.value = False

    def fix_cycles(self) -> None:
        """Power line cycles that were set by hand end a set aperture."""
        self.timed.value = False

    def fix_aperture(self) -> None:
        """An aperture that was set by hand is used."""
        self.timed.value = True

    def described(self) -> str:
        """Function, range and resolution, as CONFigure? reports them."""
        measured = f"{self.function.name} {nr3(self.range.value)},{nr3(self.resolution)}"
        return f'"{self.function.described or measured}"'


@dataclass(slots=True)
class Digitiser:
    """The measuring core. A fault may change gain, offset (in the unit of the function) and noise (rms, in steps), have
    it repeat its last readings (`frozen`), or report an overload whatever it measures.

    `zero` is what its input reads when it is shorted, V; other functions are nulled by the calibration laboratory.
    """

    rng: Generator
    gain: float = 1.0
    zero: float = 0.0
    offset: float = 0.0
    noise: float = 0.5
    frozen: bool = False
    overload: bool = False
    _last: dict[int, float] = field(default_factory=dict)

    def measure(self, sense: Sense, probe: Callable[[], float], stuck: float = 0.0) -> float:
        """One reading of a probe; beyond the range, or the one it is `stuck` in, it is plus or minus `OVERLOAD`."""
        if not self.frozen or id(sense) not in self._last:
            self._last[id(sense)] = OVERLOAD if self.overload else self._taken(sense, probe, stuck)
        return self._last[id(sense)]

    def _taken(self, sense: Sense, probe: Callable[[], float], stuck: float) -> float:
        seen = self._seen(sense, probe)
        ranges = sense.function.ranges
        if sense.auto.value:
            sense.range.value = _fitting(ranges, seen)
        top = stuck or sense.range.value
        if not abs(seen) <= (1.2 * top if top < ranges[-1] else top):
            return math.copysign(OVERLOAD, seen)
        step = sense.resolution
        read = round(seen / step + self.rng.normal(0.0, self.noise)) * step
        return abs(read) if sense.function.rectified else read

    def _seen(self, sense: Sense, probe: Callable[[], float]) -> float:
        return probe() * self.gain + self.offset + (self.zero if sense.function.name == "VOLT" else 0.0)

    def fit(self, sense: Sense, probe: Callable[[], float]) -> None:
        """RANGe:AUTO ONCE: the range that fits what the probe tells now, and no automatic ranging from then on."""
        sense.range.value, sense.auto.value = _fitting(sense.function.ranges, self._seen(sense, probe)), False


def _fitting(ranges: tuple[float, ...], seen: float) -> float:
    """The lowest range that shows this without an overload, or the highest."""
    return next((top for top in ranges if abs(seen) <= 1.2 * top), ranges[-1])
