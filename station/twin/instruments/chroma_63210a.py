"""A simulated Chroma 63210A-150-1000: 150 V, 1000 A, 10 kW electronic load.

Command names after the open drivers for the 63200A and 63600 series; status bits after the 63600 manual.
Ranges and accuracies after the data sheet where it is known, else engineering judgement: resistance and slew ranges,
values after *RST, delays of the protections. Static and dynamic set points are one value for all ranges of a mode.
Measuring ranges, which sense leads measure and for how long are kept without effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from numpy.random import Generator

from station.twin.instruments.chroma import ChromaInstrument
from station.twin.instruments.kept import kept
from station.twin.instruments.metering import calibrated
from station.twin.instruments.protection import Protection
from station.twin.scpi import Choice, Command, Quantity, Settings, Switch, knob, nr1, nr2, require
from station.twin.terminals import SinkMode, SinkTerminals

VOLTS, AMPERES, WATTS = 150.0, 1000.0, 10_000.0
MOST_VOLTS, REVERSED = 1.05 * VOLTS, 1.0
"""V at the input, one way and the other, beyond which it trips, on or off."""
OTP, OVP, OPP, REVERSE, OCP = 1, 2, 4, 8, 32
"""Bits of LOAD:PROTection?."""

RANGES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "CURRent": (100.0, 500.0, 1000.0),
        "VOLTage": (16.0, 80.0, 150.0),
        "POWer": (1_000.0, 5_000.0, 10_000.0),
        "RESistance": (0.3, 3.0, 30.0),
    }
)
"""Upper end of the low, middle and high range of each quantity (A, V, W, ohm)."""

MODES: Mapping[str, tuple[SinkMode, str]] = MappingProxyType(
    {
        "CC": ("CC", "CURRent"),
        "CCD": ("CC", "CURRent"),
        "CR": ("CR", "RESistance"),
        "CV": ("CV", "VOLTage"),
        "CP": ("CP", "POWer"),
    }
)
"""Mode word without its range letter: how the circuit knows it, and the quantity it regulates."""

METER_RANGES = (
    "CURRent:STATic:VRNG",
    "CURRent:DYNamic:VRNG",
    "RESistance[:STATic]:IRNG",
    "VOLTage[:STATic]:IRNG",
    "POWer[:STATic]:VRNG",
)
"""What chooses the range of the meter that the mode leaves open."""
_SHORT_CIRCUIT = 0.00015
"""Ohms of the load when it simulates a short circuit."""


class _Levels(Settings):
    """What one mode regulates: two levels and the slew rates between them."""

    def __init__(self, name: str, unit: str, decimals: int) -> None:
        rated = RANGES[name][2]
        self.name = name
        self.first = Quantity(0, rated, 0, unit, nr2(decimals), decimals)
        self.second = Quantity(0, rated, 0, unit, nr2(decimals), decimals)
        self.rise = Quantity(0.001, 20, 1, "A/US", nr2(3), 3)
        self.fall = Quantity(0.001, 20, 1, "A/US", nr2(3), 3)

    def knobs(self, header: str, then: Callable[[], None], check: Callable[[str, float], None]) -> Iterable[Command]:
        """L1 and L2, which `check` may refuse in the present range, RISE and FALL."""
        yield from knob(f"{header}:L1", self.first, then, lambda value: check(self.name, value))
        yield from knob(f"{header}:L2", self.second, then, lambda value: check(self.name, value))
        yield from knob(f"{header}:RISE", self.rise, then)
        yield from knob(f"{header}:FALL", self.fall, then)


class _Panel(Settings):
    """What *RST puts back."""

    def __init__(self) -> None:
        self.load = Switch(words=("OFF", "ON"))
        self.short = Switch()
        self.mode = Choice(tuple(f"{mode}{letter}" for mode in MODES for letter in "LMH"))
        self.static = _Levels("CURRent", "A", 3)
        self.dynamic = _Levels("CURRent", "A", 3)
        self.resistance = _Levels("RESistance", "OHM", 6)
        self.voltage = _Levels("VOLTage", "V", 3)
        self.power = _Levels("POWer", "W", 2)
        self.first_time = Quantity(25e-6, 100, 1e-3, "S", nr2(6), 6)
        self.second_time = Quantity(25e-6, 100, 1e-3, "S", nr2(6), 6)
        self.repeat = Quantity(0, 65535, 0, form=nr1, decimals=0)
        self.current_limit = Quantity(0, AMPERES, AMPERES, "A", nr2(3), 3)
        self.von = Quantity(0, VOLTS, 0, "V", nr2(3), 3)
        self.von_latch = Switch(words=("OFF", "ON"))
        self.ocp = Quantity(0, 1.05 * AMPERES, 1.05 * AMPERES, "A", nr2(3), 3)
        self.opp = Quantity(0, 1.05 * WATTS, 1.05 * WATTS, "W", nr2(1), 1)

    @property
    def kind(self) -> str:
        """The mode without its range letter."""
        return self.mode.value[:-1]

    @property
    def range(self) -> int:
        """0, 1 or 2 for the low, middle or high range."""
        return "LMH".index(self.mode.value[-1])

    @property
    def levels(self) -> _Levels:
        """The levels of the present mode."""
        return {
            "CC": self.static,
            "CCD": self.dynamic,
            "CR": self.resistance,
            "CV": self.voltage,
            "CP": self.power,
        }[self.kind]


class ChromaLoad(ChromaInstrument[_Panel]):
    """The load; it sets `terminals` and reads what the circuit made of them."""

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OTP, "reverse": REVERSE})

    def __init__(self, *, serial: str, rng: Generator, terminals: SinkTerminals) -> None:
        """Power up with the input off."""
        self.terminals = terminals
        self.voltmeter = calibrated(rng, resolution=VOLTS / 2**16, gain=0.0005, offset=0.0005 * VOLTS)
        self.ammeter = calibrated(rng, resolution=AMPERES / 2**16, gain=0.001, offset=0.001 * AMPERES)
        self._started = 0.0
        self._conducting = False
        panel = _Panel()
        super().__init__(f"Chroma,63210A-150-1000,{serial},01.20", panel, panel.load)

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.terminals
        yield Protection(OVP, lambda: found.terminal_voltage > MOST_VOLTS, lambda: 0.0)
        yield Protection(OPP, lambda: found.terminal_voltage * found.terminal_current > panel.opp.value, lambda: 0.01)
        yield Protection(OCP, lambda: found.terminal_current > panel.ocp.value, lambda: 0.005)
        yield Protection(REVERSE, lambda: found.terminal_voltage < -REVERSED, lambda: 0.0)

    def _commands(self) -> Iterable[Command]:
        panel = self._panel
        yield Command("LOAD[:STATe]", self._switch, panel.load)
        yield Command("LOAD[:STATe]?", lambda: panel.load.text(panel.load.value))
        yield Command("RUN", lambda: self._switch(True))
        yield Command("ABORt", lambda: self._switch(False))
        yield from knob("LOAD:SHORt[:STATe]", panel.short, self._change)
        yield Command("LOAD:PROTection?", lambda: nr1(self._latch.bits))
        yield Command("LOAD:PROTection:CLEar", self.clear)
        yield from knob("MODE", panel.mode, self._change_range)
        yield from panel.static.knobs("CURRent:STATic", self._change, self._fits)
        yield from panel.dynamic.knobs("CURRent:DYNamic", self._change, self._fits)
        yield from panel.resistance.knobs("RESistance[:STATic]", self._change, self._fits)
        yield from panel.voltage.knobs("VOLTage[:STATic]", self._change, self._fits)
        yield from panel.power.knobs("POWer[:STATic]", self._change, self._fits)
        yield from knob("CURRent:DYNamic:T1", panel.first_time)
        yield from knob("CURRent:DYNamic:T2", panel.second_time)
        yield from knob("CURRent:DYNamic:REPeat", panel.repeat)
        yield from knob("VOLTage[:STATic]:ILIMit", panel.current_limit, self._change)
        yield from knob("CONFigure:VOLTage:ON", panel.von, self._drive)
        yield from knob("CONFigure:VOLTage:LATCh", panel.von_latch, self._drive)
        yield from knob("CONFigure:OCP", panel.ocp)
        yield from knob("CONFigure:OPP", panel.opp)
        yield from self._shared(range(1, 101))
        yield from kept({}, dict.fromkeys(METER_RANGES, ("HIGH", "MIDDLE", "LOW")) | {"MEASure:INPut": ("UUT", "LOAD")})
        yield from knob("CONFigure:WINDow", Quantity(0.02, 2, 0.02, "S", nr2(3), 3))
        for verb in ("FETCh", "MEASure"):
            yield Command(f"{verb}:VOLTage?", lambda: f"{self._volts():.3f}")
            yield Command(f"{verb}:CURRent?", lambda: f"{self._amperes():.3f}")
            yield Command(f"{verb}:POWer?", lambda: f"{self._volts() * self._amperes():.2f}")

    def _volts(self) -> float:
        return self.voltmeter.read(self.terminals.terminal_voltage)

    def _amperes(self) -> float:
        return max(0.0, self.ammeter.read(self.terminals.terminal_current))

    def _fits(self, name: str, value: float) -> None:
        """Refuse a level above the present range of its quantity; a quantity that is not in use has its high range."""
        top = RANGES[name][self._panel.range if self._panel.levels.name == name else 2]
        require(value <= top, -222)

    def _change_range(self) -> None:
        """Levels above the new range come down to its end."""
        levels = self._panel.levels
        top = RANGES[levels.name][self._panel.range]
        levels.first.value, levels.second.value = min(levels.first.value, top), min(levels.second.value, top)
        self._change()

    def _switch(self, on: bool) -> None:
        self._started = self.now if on and not self._panel.load.value else self._started
        self._conducting = self._conducting and on
        super()._switch(on)

    def _change(self) -> None:
        """The current tells when it has settled."""
        sink = self.terminals
        before = sink.current if sink.on else 0.0
        self._drive()
        self._settled = self.now + abs(sink.current - before) / min(sink.slew_rise, sink.slew_fall) if sink.on else 0.0

    def _drive(self) -> None:
        panel, sink = self._panel, self.terminals
        levels, level = panel.levels, self._level()
        self.ammeter.resolution = (RANGES["CURRent"][panel.range] if "CC" in panel.kind else AMPERES) / 2**16
        sink.on = panel.load.value
        sink.mode = "CR" if panel.short.value else MODES[panel.kind][0]
        sink.current = self.ammeter.drive(level if "CC" in panel.kind else panel.current_limit.value)
        sink.voltage = self.voltmeter.drive(level) if panel.kind == "CV" else 0.0
        sink.resistance = level if panel.kind == "CR" and level > 0 else math.inf
        sink.resistance = _SHORT_CIRCUIT if panel.short.value else sink.resistance
        sink.power = level if panel.kind == "CP" else 0.0
        sink.slew_rise, sink.slew_fall = 1e6 * levels.rise.value, 1e6 * levels.fall.value
        sink.von = 0.0 if panel.von_latch.value and self._conducting else panel.von.value

    def _level(self) -> float:
        """The level that is regulated now: the first, or in a dynamic mode first and second in turn."""
        panel = self._panel
        if panel.kind != "CCD" or not panel.load.value:
            return panel.levels.first.value
        period = panel.first_time.value + panel.second_time.value
        done, phase = divmod(self.now - self._started, period)
        over = panel.repeat.value and done >= panel.repeat.value
        return panel.dynamic.first.value if over or phase < panel.first_time.value else panel.dynamic.second.value

    @property
    def _rests(self) -> bool:
        """Whether nothing can change: it is off, and what is at its posts would trip nothing."""
        return not self._panel.load.value and -REVERSED <= self.terminals.terminal_voltage <= MOST_VOLTS

    def tick(self, now: float) -> None:
        """Watch the protections; carry over what time or a fault has changed."""
        super().tick(now)
        if self._rests:
            self._latch.rest()
            return
        self._conducting = self._panel.load.value and (
            self._conducting or self.terminals.terminal_voltage >= self._panel.von.value
        )
        if bits := self._latch.watch(now):
            self.trip(bits)
        self._drive()
