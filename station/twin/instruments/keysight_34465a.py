"""A simulated Keysight 34465A digital multimeter (6 1/2 digits, 50 000 readings).

Commands, ranges and values after *RST follow the Truevolt operating and service guide; the time of a measurement is its
integration time alone. Only DC volts have a probe: the current terminals are open (0 A), resistance is an open circuit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from numpy.random import Generator as Rng

from station.twin.instruments.acquisition import Acquisition, Plan
from station.twin.instruments.bench_meter import BenchMeter
from station.twin.instruments.kept import kept
from station.twin.instruments.limits import Limits
from station.twin.instruments.multimeter import OVERLOAD, TRANSDUCERS, Digitiser, Function, Ranging, Sense, Zero, sensor
from station.twin.instruments.statistics import Statistics
from station.twin.scpi import (
    Choice,
    Command,
    Optional,
    Quantity,
    ScpiError,
    Settings,
    Switch,
    Text,
    knob,
    nr1_signed,
    nr3,
    require,
)

MEMORY = 50_000
CYCLES = (0.001, 0.002, 0.006, 0.02, 0.06, 0.2, 1.0, 10.0, 100.0)
"""Integration times in power line cycles, with the digitising option that firmware 3 includes."""

FUNCTIONS = (
    Function("VOLT", "VOLTage[:DC]", (0.1, 1.0, 10.0, 100.0, 1000.0)),
    Function("VOLT:AC", "VOLTage:AC", (0.1, 1.0, 10.0, 100.0, 750.0)),
    Function("CURR", "CURRent[:DC]", (1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 3.0, 10.0)),
    Function("CURR:AC", "CURRent:AC", (1e-4, 1e-3, 0.01, 0.1, 1.0, 3.0, 10.0)),
    Function("RES", "RESistance", (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)),
    Function("FRES", "FRESistance", (100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)),
    Function("CAP", "CAPacitance", (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)),
    Function("FREQ", "FREQuency", (300e3,)),
    Function("PER", "PERiod", (1.0,)),
    Function("TEMP", "TEMPerature", (1000.0,), "TEMP FRTD,+1.00000000E+02,+1.00000000E+00,+1.00000000E-04"),
    Function("CONT", "CONTinuity", (1000.0,), "CONT"),
    Function("DIOD", "DIODe", (5.0,), "DIOD"),
)
TESTS: Mapping[str, tuple[Optional, ...]] = MappingProxyType(
    {
        "CONT": (),
        "DIOD": (
            Optional(Choice(("LOW", "HIGH"))),
            Optional(Quantity(5, 10, 5, "V", steps=(5.0, 10.0), words={"AUTO": 5.0})),
        ),
    }
)
"""Parameters of CONFigure for functions of a fixed range: current and greatest voltage of the diode test."""
_BY_BANDWIDTH = ("VOLT:AC", "CURR:AC")
"""Functions whose time is that of a filter, not of power line cycles."""
_OPEN = ("RES", "FRES", "TEMP", "CONT", "DIOD")
_OVERLOADED, _TOO_LOW, _TOO_HIGH = 1, 1 << 11, 1 << 12
"""Bits of the questionable register."""
INSIDE = 35.0
"""Degrees Celsius in the case."""
PLACES = range(5)
"""For *SAV and *RCL."""
KEPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "DISPlay:VIEW": ("NUMeric", "HISTogram", "TCHart", "METer"),
        "UNIT:TEMPerature": ("C", "F", "K"),
        "OUTPut:TRIGger:SLOPe": ("POSitive", "NEGative"),
        "CALCulate:SMOothing:RESPonse": ("SLOW", "MEDium", "FAST"),
    }
)
"""What nothing that is connected here shows, and its words, the default first."""
KEPT_SWITCHES: Mapping[str, bool] = MappingProxyType(
    {
        "[SENSe:]RESistance:OCOMpensated": False,
        "[SENSe:]FRESistance:OCOMpensated": False,
        "[SENSe:]RESistance:POWer:LIMit[:STATe]": False,
        "[SENSe:]FRESistance:POWer:LIMit[:STATe]": False,
        "[SENSe:]FREQuency:TIMeout:AUTO": False,
        "[SENSe:]FREQuency:VOLTage:RANGe:AUTO": True,
        "[SENSe:]FREQuency:CURRent:RANGe:AUTO": True,
        "CALCulate:SMOothing[:STATe]": False,
        "CALCulate:TCHart[:STATe]": False,
    }
)
"""The same, of what is on or off."""


class _Trigger(Settings):
    """What CONFigure and *RST put back: when to sample, and how often."""

    def __init__(self) -> None:
        self.source = Choice(("IMMediate", "BUS", "EXTernal", "INTernal"))
        self.count = Quantity(1, 1e9, 1, decimals=0, words={"INFinity": math.inf})
        self.delay = Quantity(0, 3600, 0, "S", decimals=6)
        self.automatic = Switch(True)
        self.slope = Choice(("NEGative", "POSitive"))
        self.level = Quantity(-1000, 1000, 0, "V")
        self.samples = Quantity(1, 1e9, 1, form=nr1_signed, decimals=0)
        self.before = Quantity(0, MEMORY - 1, 0, form=nr1_signed, decimals=0)
        self.timing = Choice(("IMMediate", "TIMer"))
        self.timer = Quantity(20e-6, 3600, 1, "S", decimals=6)

    def fix_delay(self) -> None:
        """A delay that was set by hand ends the automatic one."""
        self.automatic.value = False


class _Format(Settings):
    """FORMat: readings as text or as IEEE 754 numbers of 8 bytes, the most or the least significant byte first."""

    def __init__(self) -> None:
        """Text."""
        self.kind, self.order = Choice(("ASCii", "REAL")), Choice(("NORMal", "SWAPped"))

    def packed(self, readings: Sequence[float]) -> bytes | None:
        """The readings as bytes; None when they are wanted as text."""
        if self.kind.value == "ASC":
            return None
        return struct.pack(f"{'>' if self.order.value == 'NORM' else '<'}{len(readings)}d", *readings)

    def commands(self) -> Iterable[Command]:
        """FORMat[:DATA] and FORMat:BORDer; a length of 64 bits may be named."""
        yield Command("FORMat[:DATA]", self._set, self.kind, Optional(Quantity(64, 64, 64)))
        yield Command("FORMat[:DATA]?", lambda: self.kind.value)
        yield from knob("FORMat:BORDer", self.order)

    def _set(self, kind: str, length: float | None) -> None:
        require(kind == "REAL" or length is None, -108)
        self.kind.value = kind


class Multimeter(BenchMeter[float]):
    """The multimeter; `probe` tells the volts between its leads.

    Besides those of `Instrument`, a fault may change `digitiser`, replace `probe`, or have the range relay stuck in
    `range_stuck`, a range in V (0: it is not).
    """

    def __init__(self, *, serial: str, rng: Rng, probe: Callable[[], float]) -> None:
        """Power up measuring DC volts. Gain error within half of 35 ppm, offset within half of 2 microvolts."""
        self.probe = probe
        self.range_stuck = 0.0
        self.digitiser = Digitiser(rng, 1.0 + 35e-6 * rng.uniform(-0.5, 0.5), 2e-6 * rng.uniform(-0.5, 0.5))
        self.statistics = Statistics()
        self._limits = Limits()
        self._senses = {function.name: Sense(function, CYCLES, 10.0) for function in FUNCTIONS}
        self._sense = self._senses["VOLT"]
        self._last = OVERLOAD
        self._sensor = Choice(("FRTD", *(word for word in TRANSDUCERS if word != "FRTD")))
        self._terminals = Quantity(3, 10, 3, "A", nr1_signed, steps=(3.0, 10.0))
        self._slowest = Quantity(3, 200, 20, "HZ", steps=(3.0, 20.0, 200.0))
        self._trigger, self._format = _Trigger(), _Format()
        revision = "A.03.03-03.15-03.03-00.52-03-02"
        acquisition = Acquisition(self._plan, self._sample, nr3, MEMORY, self._format.packed)
        super().__init__(f"Keysight Technologies,34465A,{serial},{revision}", acquisition, self._commands())

    def _commands(self) -> Iterable[Command]:
        yield Command("CONFigure?", self._described)
        yield Command("[SENSe:]FUNCtion[:ON]", self._select, Text())
        yield Command("[SENSe:]FUNCtion[:ON]?", lambda: f'"{self._sense.function.name}"')
        for sense in self._senses.values():
            yield from self._sensing(sense)
        yield from self.acquisition.commands()
        yield from self.statistics.commands()
        yield from self._limits.commands()
        yield from self._format.commands()
        yield from self._triggering()
        yield from self._elder()
        yield from self._housekeeping()
        yield from self._front_panel(PLACES, self._keep)

    def _sensing(self, sense: Sense) -> Iterable[Command]:
        root = f"[SENSe:]{sense.function.header}"
        yield from self._configuring(sense)
        yield from knob(f"{root}:RANGe[:UPPer]", sense.range, sense.fix_range)
        yield Command(f"{root}:RANGe:AUTO", partial(self._range_itself, sense), Ranging())
        yield Command(f"{root}:RANGe:AUTO?", lambda: sense.auto.text(sense.auto.value))
        yield from knob(f"{root}:NULL[:STATe]", sense.null, sense.renew_null)
        yield from knob(f"{root}:NULL:VALue", sense.null_value, sense.fix_null)
        yield from knob(f"{root}:NULL:VALue:AUTO", sense.null_auto, sense.renew_null)
        yield Command(f"{root}:RESolution", sense.resolve, sense.parameters()[1].parameter)
        yield Command(f"{root}:RESolution?", lambda: nr3(sense.resolution))
        if sense.function.name in _BY_BANDWIDTH:
            yield from knob(f"{root}:BANDwidth", sense.bandwidth)
            return
        yield from knob(f"{root}:NPLC", sense.cycles, sense.fix_cycles)
        yield from knob(f"{root}:APERture", sense.aperture, sense.fix_aperture)
        yield from knob(f"{root}:APERture:ENABled", sense.timed)
        yield from knob(f"{root}:ZERO:AUTO", sense.zero)
        yield from knob(f"{root}:IMPedance:AUTO", sense.impedance)

    def _configuring(self, sense: Sense) -> Iterable[Command]:
        """CONFigure and MEASure? of one function."""
        function = sense.function
        configured, measured = f"CONFigure:{function.header}", f"MEASure:{function.header}?"
        if function.name == "TEMP":
            sensing = *sensor(), sense.parameters()[1]
            yield Command(configured, self._configure_sensor, *sensing)
            yield Command(measured, self._measure_sensor, *sensing)
        elif function.described:
            yield Command(configured, lambda *_: self._configure(sense), *TESTS[function.name])
            yield Command(measured, lambda *_: self._measure(sense), *TESTS[function.name])
        else:
            yield Command(configured, partial(self._configure, sense), *sense.parameters())
            yield Command(measured, partial(self._measure, sense), *sense.parameters())

    def _configure_sensor(
        self, kind: str | None, _type: str | None, _one: float | None, resolution: float | None
    ) -> None:
        self._sensor.value = kind if kind not in (None, "DEF") else "FRTD"
        self._configure(self._senses["TEMP"], None, resolution)

    def _measure_sensor(
        self, kind: str | None, type_: str | None, one: float | None, resolution: float | None
    ) -> Generator[float, None, str]:
        self._configure_sensor(kind, type_, one, resolution)
        return (yield from self.acquisition.read())

    def _elder(self) -> Iterable[Command]:
        """What the 34401A has for all functions at once (Truevolt guide, command differences from the 34401A)."""
        rectified = [sense.bandwidth for name, sense in self._senses.items() if name in _BY_BANDWIDTH]

        def filtered(bandwidth: float) -> None:
            for each in rectified:
                each.value = bandwidth

        yield Command("[SENSe:]ZERO:AUTO", lambda on: setattr(self._sense.zero, "value", on), Zero(True))
        yield Command("[SENSe:]ZERO:AUTO?", lambda: self._sense.zero.text(self._sense.zero.value))
        yield from knob("INPut:IMPedance:AUTO", self._senses["VOLT"].impedance)
        yield Command("[SENSe:]DETector:BANDwidth", filtered, rectified[0])
        yield Command("[SENSe:]DETector:BANDwidth?", lambda: rectified[0].text(rectified[0].value))

    def _triggering(self) -> Iterable[Command]:
        trigger = self._trigger
        yield from knob("TRIGger:SOURce", trigger.source)
        yield from knob("TRIGger:COUNt", trigger.count)
        yield from knob("TRIGger:DELay", trigger.delay, trigger.fix_delay)
        yield from knob("TRIGger:DELay:AUTO", trigger.automatic)
        yield from knob("TRIGger:SLOPe", trigger.slope)
        yield from knob("TRIGger:LEVel", trigger.level)
        yield from knob("SAMPle:COUNt", trigger.samples)
        yield from knob("SAMPle:COUNt:PRETrigger", trigger.before)
        yield from knob("SAMPle:SOURce", trigger.timing)
        yield from knob("SAMPle:TIMer", trigger.timer, self._least_timer)
        yield Command("SAMPle:TIMer?", self._timer, Optional(Choice(("MINimum", "MAXimum", "DEFault"))))

    def _described(self) -> str:
        """CONFigure?, with the transducer of a temperature."""
        return self._sense.described().replace("TEMP FRTD", f"TEMP {self._sensor.value}")

    def _housekeeping(self) -> Iterable[Command]:
        yield from kept(KEPT_SWITCHES, KEPT)
        yield from knob("[SENSe:]TEMPerature:TRANsducer:TYPE", self._sensor)
        for header in ("CURRent[:DC]", "CURRent:AC"):
            yield from knob(f"[SENSe:]{header}:TERMinals", self._terminals)
        yield from knob("[SENSe:]FREQuency:RANGe:LOWer", self._slowest)
        yield Command("SYSTem:LICense:CATalog?", lambda: '""')
        yield Command("DATA:LAST?", self._latest)
        yield Command("SYSTem:TEMPerature?", lambda: nr3(INSIDE))
        yield Command("*OPT?", lambda: "0")
        yield Command("ROUTe:TERMinals?", lambda: "FRON")

    def _latest(self) -> str:
        """The last reading that was taken, with its unit; an overload where none was."""
        return f"{nr3(self._last)} {self._sense.function.unit}".rstrip()

    def _keep(self) -> Callable[[], None]:
        """For *SAV: the function, how each of them measures, triggers and limits."""
        groups = (self._trigger, self._format, self._limits, *self._senses.values())
        sense, puts = self._sense, [group.kept() for group in groups]

        def recall() -> None:
            self._sense = sense
            for put in puts:
                put()

        return recall

    def _select(self, name: str) -> None:
        for sense in self._senses.values():
            if sense.function.called(name):
                self.acquisition.abort()
                self._sense = sense
                return
        raise ScpiError(-224)

    def _configure(self, sense: Sense, top: float | None = None, resolution: float | None = None) -> None:
        self.acquisition.abort()
        self.statistics.reset()
        self._limits.reset()
        self._trigger.reset()
        sense.configure(top, resolution)
        self._sense = sense

    def _measure(
        self, sense: Sense, top: float | None = None, resolution: float | None = None
    ) -> Generator[float, None, str]:
        self._configure(sense, top, resolution)
        return (yield from self.acquisition.read())

    def _least_timer(self) -> None:
        """SAMPle:TIMer MINimum is the time of one measurement, however that is set."""
        timer = self._trigger.timer
        timer.value = self._sense.duration if timer.value == timer.low else timer.value

    def _timer(self, which: str | None) -> str:
        timer = self._trigger.timer
        return nr3({"MIN": self._sense.duration, "MAX": timer.high, "DEF": timer.default}.get(which or "", timer.value))

    def _plan(self) -> Plan:
        trigger, duration = self._trigger, self._sense.duration
        delay = 0.0 if trigger.automatic.value else trigger.delay.value
        interval = max(trigger.timer.value, duration) if trigger.timing.value == "TIM" else delay + duration
        held = trigger.source.value != "IMM"
        return Plan(trigger.samples.value, trigger.count.value, delay + duration, interval, held)

    def _probed(self, sense: Sense) -> float:
        """What a function finds at its terminals."""
        name = sense.function.name
        return self.probe() if name == "VOLT" else math.inf if name in _OPEN else 0.0

    def _range_itself(self, sense: Sense, automatic: bool | None) -> None:
        if automatic is None:
            self.digitiser.fit(sense, partial(self._probed, sense))
        else:
            sense.auto.value = automatic

    def _sample(self) -> tuple[float]:
        reading = self.digitiser.measure(self._sense, partial(self._probed, self._sense), self.range_stuck)
        reading = self._sense.nulled(reading)
        low, high = self._limits.passed(reading)
        overloaded = abs(reading) >= OVERLOAD
        self.status.questionable.update(_OVERLOADED * overloaded | _TOO_LOW * low | _TOO_HIGH * high)
        self.statistics.take(reading)
        self._last = reading
        return (reading,)

    def reset(self) -> None:
        """*RST: DC volts, automatic range, 10 power line cycles, one sample; memory is cleared."""
        self.acquisition.reset()
        self.statistics.reset()
        self._limits.reset()
        self._trigger.reset()
        self._format.reset()
        self._last = OVERLOAD
        for sense in self._senses.values():
            sense.reset()
        self._sensor.reset()
        self._terminals.reset()
        self._slowest.reset()
        self._sense = self._senses["VOLT"]
