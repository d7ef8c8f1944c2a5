"""A simulated Keysight 34465A digital multimeter (6 1/2 digits, 50 000 readings).

Commands, ranges and values after *RST follow the Truevolt operating and service guide; the time of a measurement is its
integration time alone. Only DC volts have a probe: the current terminals are open (0 A), resistance is an open circuit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from functools import partial

from numpy.random import Generator as Rng

from station.twin.instruments.acquisition import Acquisition, Plan
from station.twin.instruments.multimeter import LINE_FREQUENCY, OVERLOAD, Digitiser, Function, Sense
from station.twin.instruments.statistics import Statistics
from station.twin.scpi import (
    Choice,
    Command,
    Dialect,
    Instrument,
    Optional,
    Quantity,
    ScpiError,
    Settings,
    Switch,
    Text,
    knob,
    nr1_signed,
    nr3,
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
_OPEN = ("RES", "FRES", "TEMP", "CONT", "DIOD")
_OVERLOADED, _MEASURING, _AWAITING_TRIGGER = 1, 16, 32
"""Bits of the questionable and of the operation register."""


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


class Multimeter(Instrument):
    """The multimeter; `probe` tells the volts between its leads.

    Besides those of `Instrument`, a fault may change `digitiser`, replace `probe`, or have the range relay stuck in
    `range_stuck`, a range in V (0: it is not).
    """

    def __init__(self, *, serial: str, rng: Rng, probe: Callable[[], float]) -> None:
        """Power up measuring DC volts. Gain error within half of 35 ppm, offset within half of 2 microvolts."""
        self.probe = probe
        self.range_stuck = 0.0
        self.digitiser = Digitiser(rng, 1.0 + 35e-6 * rng.uniform(-0.5, 0.5), 2e-6 * rng.uniform(-0.5, 0.5))
        self.acquisition = Acquisition(self._plan, self._sample, MEMORY)
        self.statistics = Statistics()
        self._senses = {function.name: Sense(function, CYCLES, 10.0) for function in FUNCTIONS}
        self._sense = self._senses["VOLT"]
        self._trigger = _Trigger()
        revision = "A.03.03-03.15-03.03-00.52-03-02"
        dialect = Dialect(signed=True, version="1994.0")
        super().__init__(f"Keysight Technologies,34465A,{serial},{revision}", dialect, self._commands())

    def _commands(self) -> Iterable[Command]:
        yield Command("CONFigure?", lambda: self._sense.described())
        yield Command("[SENSe:]FUNCtion[:ON]", self._select, Text())
        yield Command("[SENSe:]FUNCtion[:ON]?", lambda: f'"{self._sense.function.name}"')
        for sense in self._senses.values():
            yield from self._sensing(sense)
        yield from self.acquisition.commands()
        yield from self.statistics.commands()
        yield from self._triggering()
        yield from self._housekeeping()

    def _sensing(self, sense: Sense) -> Iterable[Command]:
        header = sense.function.header
        root = f"[SENSe:]{header}"
        parameters = () if sense.function.described else sense.parameters()
        yield Command(f"CONFigure:{header}", partial(self._configure, sense), *parameters)
        yield Command(f"MEASure:{header}?", partial(self._measure, sense), *parameters)
        yield from knob(f"{root}:RANGe[:UPPer]", sense.range, sense.fix_range)
        yield from knob(f"{root}:RANGe:AUTO", sense.auto)
        yield from knob(f"{root}:NPLC", sense.cycles, sense.fix_cycles)
        yield from knob(f"{root}:APERture", sense.aperture, sense.fix_aperture)
        yield from knob(f"{root}:APERture:ENABled", sense.timed)
        yield from knob(f"{root}:ZERO:AUTO", sense.zero)
        yield from knob(f"{root}:IMPedance:AUTO", sense.impedance)
        yield Command(f"{root}:RESolution", sense.resolve, sense.parameters()[1].parameter)
        yield Command(f"{root}:RESolution?", lambda: nr3(sense.resolution))

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

    def _housekeeping(self) -> Iterable[Command]:
        text, label = Text(), Text()
        yield from knob("DISPlay[:STATe]", Switch(True))
        yield from knob("DISPlay:TEXT[:DATA]", text)
        yield Command("DISPlay:TEXT:CLEar", text.reset)
        yield from knob("SYSTem:LABel", label)
        yield from knob("SYSTem:BEEPer:STATe", Switch(True))
        yield from knob("FORMat[:DATA]", Choice(("ASCii",)))
        yield from knob("UNIT:TEMPerature", Choice(("C", "F", "K")))
        for word in ("LOCal", "REMote", "RWLock", "BEEPer[:IMMediate]"):
            yield Command(f"SYSTem:{word}", lambda: None)
        yield Command("SYSTem:LFRequency?", lambda: nr1_signed(LINE_FREQUENCY))
        yield Command("SYSTem:LICense:CATalog?", lambda: '""')
        yield Command("*OPT?", lambda: "0")
        yield Command("ROUTe:TERMinals?", lambda: "FRON")

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

    def _sample(self) -> tuple[float]:
        name = self._sense.function.name
        probe = self.probe if name == "VOLT" else lambda: math.inf if name in _OPEN else 0.0
        reading = self.digitiser.measure(self._sense, probe, self.range_stuck)
        self.status.questionable.update(_OVERLOADED if abs(reading) >= OVERLOAD else 0)
        self.statistics.take(reading)
        return (reading,)

    def pending(self) -> float:
        """Seconds until all samples have been taken."""
        return self.acquisition.remaining

    @property
    def next_due(self) -> float:
        """When the next sample is due, in seconds."""
        return self.acquisition.due

    def tick(self, now: float) -> None:
        """Take the samples that are due."""
        self.now = now
        self.acquisition.tick(now)
        measuring = math.isfinite(self.acquisition.due)
        self.status.operation.update(_MEASURING * measuring | _AWAITING_TRIGGER * self.acquisition.waiting)
        super().tick(now)

    def reset(self) -> None:
        """*RST: DC volts, automatic range, 10 power line cycles, one sample; memory is cleared."""
        self.acquisition.reset()
        self.statistics.reset()
        self._trigger.reset()
        for sense in self._senses.values():
            sense.reset()
        self._sense = self._senses["VOLT"]
