"""A simulated Chroma 62050P-100-100: 100 V, 100 A, 5 kW DC supply.

Command names after the open drivers for the 62000P series; ratings, ranges and accuracies after its data sheet. Values
after *RST and the clearing of a protection by `OUTPut:PROTection:CLEar` are engineering judgement. Speed and averaging
of the meters and what else `_kept` names are kept without effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from types import MappingProxyType

from numpy.random import Generator

from station.twin.instruments.chroma import ChromaInstrument
from station.twin.instruments.kept import kept
from station.twin.instruments.metering import calibrated
from station.twin.instruments.protection import Protection
from station.twin.scpi import Choice, Command, Quantity, Settings, Switch, knob, nr1, nr2, require
from station.twin.terminals import SourceTerminals

VOLTS, AMPERES, WATTS = 100.0, 100.0, 5000.0
OVP, OCP, OPP, OTP, FOLD_TO_CC, FOLD_TO_CV = 1, 2, 4, 16, 1024, 2048
"""Bits of the first field of FETCh:STATus?."""


class _Limited(Settings):
    """A set point and the bounds an operator may give it."""

    def __init__(self, name: str, unit: str, rated: float) -> None:
        self.header = f"[SOURce:]{name}"
        self.level = Quantity(0, rated, 0, unit, nr2(3), 3)
        self.low = Quantity(0, rated, 0, unit, nr2(3), 3)
        self.high = Quantity(0, rated, rated, unit, nr2(3), 3)

    def allow(self, value: float) -> None:
        """Refuse a set point outside the bounds."""
        require(self.low.value <= value <= self.high.value, -222)

    def bounds(self) -> Iterable[Command]:
        """LIMit:LOW and LIMit:HIGH; a bound that would shut out the present set point is a conflict."""
        level = self.level
        yield from knob(f"{self.header}:LIMit:LOW", self.low, check=lambda value: require(value <= level.value, -221))
        yield from knob(f"{self.header}:LIMit:HIGH", self.high, check=lambda value: require(value >= level.value, -221))


class _Panel(Settings):
    """What *RST puts back."""

    def __init__(self) -> None:
        self.output = Switch(words=("OFF", "ON"))
        self.voltage = _Limited("VOLTage", "V", VOLTS)
        self.current = _Limited("CURRent", "A", AMPERES)
        self.voltage_slew = Quantity(0.001, 10, 1, "V/MS", nr2(3), 3)
        self.current_slew = Quantity(0.001, 1, 1, "A/MS", nr2(3), 3)
        self.slew_infinite = Choice(("DISable", "ENable"))
        self.ovp = Quantity(0, 1.1 * VOLTS, 1.1 * VOLTS, "V", nr2(3), 3)
        self.ocp = Quantity(0, 1.05 * AMPERES, 1.05 * AMPERES, "A", nr2(3), 3)
        self.opp = Quantity(0, 1.05 * WATTS, 1.05 * WATTS, "W", nr2(1), 1)
        self.foldback = Choice(("DISable", "CVTOCC", "CCTOCV"))
        self.foldback_delay = Quantity(0.01, 600, 0.01, "S", nr2(2), 2)


class ChromaSupply(ChromaInstrument[_Panel]):
    """The supply; it sets `terminals` and reads what the circuit made of them.

    Besides those of every powered instrument, a fault may change `power`, what the supply can deliver in W.
    """

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OTP})

    def __init__(self, *, serial: str, rng: Generator, terminals: SourceTerminals) -> None:
        """Power up with the output off."""
        self.terminals = terminals
        self.voltmeter = calibrated(rng, resolution=0.003, gain=0.0005, offset=0.0005 * VOLTS)
        self.ammeter = calibrated(rng, resolution=0.002, gain=0.001, offset=0.001 * AMPERES)
        self.power = WATTS
        panel = _Panel()
        super().__init__(f"Chroma,62050P-100-100,{serial},01.70", panel, panel.output)

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.terminals
        yield Protection(OVP, lambda: found.terminal_voltage > panel.ovp.value, lambda: 0.0)
        yield Protection(OCP, lambda: found.terminal_current > panel.ocp.value, lambda: 0.005)
        yield Protection(OPP, lambda: found.terminal_voltage * found.terminal_current > panel.opp.value, lambda: 0.005)
        for bit, kind, mode in ((FOLD_TO_CC, "CVTOCC", "CC"), (FOLD_TO_CV, "CCTOCV", "CV")):
            yield Protection(bit, partial(self._folds, kind, mode), lambda: panel.foldback_delay.value)

    def _folds(self, kind: str, mode: str) -> bool:
        return self._panel.foldback.value == kind and self.terminals.mode == mode

    def _commands(self) -> Iterable[Command]:
        panel = self._panel
        yield Command("CONFigure:OUTPut", self._switch, panel.output)
        yield Command("CONFigure:OUTPut?", lambda: panel.output.text(panel.output.value))
        yield Command("OUTPut:PROTection:CLEar", self.clear)
        yield from self._shared(range(1, 11))
        yield from self._kept()
        yield from knob("CONFigure:FOLDback", panel.foldback)
        yield from knob("CONFigure:FOLDT", panel.foldback_delay)
        for limited in (panel.voltage, panel.current):
            yield from knob(f"{limited.header}[:LEVel][:IMMediate]", limited.level, self._change, limited.allow)
            yield from limited.bounds()
        yield from knob("[SOURce:]VOLTage:SLEW", panel.voltage_slew, self._drive)
        yield from knob("[SOURce:]CURRent:SLEW", panel.current_slew, self._drive)
        yield from knob("[SOURce:]CURRent:SLEWINF", panel.slew_infinite, self._drive)
        yield from knob("[SOURce:]VOLTage:PROTect:HIGH", panel.ovp)
        yield from knob("[SOURce:]CURRent:PROTect:HIGH", panel.ocp)
        yield from knob("[SOURce:]POWer:PROTect:HIGH", panel.opp)
        for verb in ("FETCh", "MEASure"):
            yield Command(f"{verb}:VOLTage?", lambda: f"{self._volts():.3f}")
            yield Command(f"{verb}:CURRent?", lambda: f"{self._amperes():.3f}")
            yield Command(f"{verb}:POWer?", lambda: f"{self._volts() * self._amperes():.2f}")
        yield Command("FETCh:STATus?", self._state)

    def _kept(self) -> Iterable[Command]:
        """What nothing here hears, sees or is wired to."""
        yield from knob("CONFigure:BEEPer", Switch(True, ("OFF", "ON")))
        yield from kept({}, {"CONFigure:AVG:METHod": ("FIX", "MOV"), "CONFigure:INHibit": ("OFF", "LIVE")})
        for node, most in (("MEASure:SPeed", 3), ("AVG:TIMES", 3), ("TTLport", 255)):
            yield from knob(f"CONFigure:{node}", Quantity(0, most, 0, form=nr1, decimals=0))

    def _volts(self) -> float:
        return max(0.0, self.voltmeter.read(self.terminals.terminal_voltage))

    def _amperes(self) -> float:
        return max(0.0, self.ammeter.read(self.terminals.terminal_current))

    def _state(self) -> str:
        mode = "CC" if self.terminals.mode == "CC" else "CV"
        return f"{self._latch.bits},{self._panel.output.text(self._panel.output.value)},{mode}"

    def _change(self) -> None:
        """The slower of volts and amperes tells when it has settled."""
        offer = self.terminals
        volts, amperes = (offer.voltage, offer.current) if offer.on else (0.0, 0.0)
        self._drive()
        slews = (offer.voltage - volts) / offer.slew_voltage, (offer.current - amperes) / offer.slew_current
        self._settled = self.now + max(map(abs, slews)) if offer.on else 0.0

    def _drive(self) -> None:
        panel, offer = self._panel, self.terminals
        offer.on = panel.output.value
        offer.voltage = self.voltmeter.drive(panel.voltage.level.value)
        offer.current = self.ammeter.drive(panel.current.level.value)
        offer.power = self.power
        offer.slew_voltage = 1e3 * panel.voltage_slew.value
        offer.slew_current = math.inf if panel.slew_infinite.value == "EN" else 1e3 * panel.current_slew.value

    def tick(self, now: float) -> None:
        """Watch the protections; carry over what a fault may have changed."""
        super().tick(now)
        if not self._panel.output.value:
            self._latch.rest()
        elif bits := self._latch.watch(now):
            self.trip(bits)
        self._drive()
