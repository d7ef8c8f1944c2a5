"""A simulated Keysight RP7935A: 80 V, 250 A, 10 kW in both directions, supply and load in one box.

Commands and status bits after the RP7900 operating and service guide (5, SCPI programming reference). Values after
*RST, fastest slew rate and accuracy are engineering judgement.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from types import MappingProxyType

from numpy.random import Generator as Rng

from station.twin.instruments.powered import PoweredInstrument
from station.twin.instruments.protection import Latch, Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import Choice, Command, Dialect, Quantity, Settings, Switch, knob, nr3, require
from station.twin.scpi.status import Register
from station.twin.terminals import SinkTerminals, SourceTerminals

VOLTS, AMPERES, WATTS = 80.0, 250.0, 10_000.0
SETTABLE, PROTECTABLE = 1.02, 1.2
"""Shares of the rating up to which set points and the over-voltage protection go."""
OV, OC, PF, CP_POSITIVE, OT, CP_NEGATIVE, OV_NEGATIVE, LIM_POSITIVE, LIM_NEGATIVE, INH, UNR, PROT, EDP = (
    1 << bit for bit in range(13)
)
"""Bits of STATus:QUEStionable1."""
SDP, UV = 1 << 5 + 16, 1 << 6 + 16
"""Bits of STATus:QUEStionable2, 16 places up."""
CV, CC, OFF = 1, 2, 4
"""Bits of STATus:OPERation."""
FASTEST = 1e6
"""A/s."""
POWER_MARGIN = 1.05
"""Share of the rated power at which the box switches itself off."""


@dataclass(slots=True)
class _Counter:
    """What has flowed, in the unit of its rate times seconds."""

    total: float = 0.0

    def add(self, rate: float, seconds: float) -> None:
        """Let it flow."""
        self.total += rate * seconds

    def reset(self) -> None:
        """Begin anew."""
        self.total = 0.0


class _Panel(Settings):
    """What *RST puts back."""

    def __init__(self) -> None:
        volts, amperes = SETTABLE * VOLTS, SETTABLE * AMPERES
        self.output = Switch()
        self.function = Choice(("VOLTage", "CURRent"))
        self.voltage = Quantity(0, volts, 0, "V")
        self.voltage_limit = Quantity(0, volts, volts, "V")
        self.current = Quantity(-amperes, amperes, 0, "A")
        self.current_high = Quantity(0, amperes, 0.01 * AMPERES, "A")
        self.current_low = Quantity(-amperes, 0, -0.01 * AMPERES, "A")
        self.slew = Quantity(0.1, FASTEST, FASTEST, "A/S")
        self.slew_fastest = Switch(default=True)
        self.over_voltage = Quantity(0, PROTECTABLE * VOLTS, PROTECTABLE * VOLTS, "V")
        self.under_voltage = Quantity(0, volts, 0, "V")
        self.under_voltage_on = Switch()
        self.under_voltage_delay = Quantity(0, 2.6, 0.02, "S")
        self.over_current_on = Switch()
        self.over_current_delay = Quantity(0, 0.255, 0.02, "S")
        self.watchdog = Switch()
        self.patience = Quantity(1, 3600, 60, "S", decimals=0)


class KeysightRp7900(PoweredInstrument):
    """The box; it sets `output` and reads what the circuit made of it."""

    causes = MappingProxyType({"ovp": OV, "ocp": OC, "opp": CP_POSITIVE, "otp": OT})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off, in voltage priority."""
        self.output = quadrants(rng, source, sink, VOLTS, AMPERES)
        self.voltmeter, self.ammeter = self.output.voltmeter, self.output.ammeter
        self._heard = 0.0
        self._charge, self._energy = _Counter(), _Counter()
        self._acquired: tuple[float, float] | None = None
        self._more = Register()
        self._interface = Choice(("LOCal", "REMote", "RWLock"))
        self._panel = _Panel()
        self._latch = Latch(tuple(self._protections()))
        super().__init__(f"Keysight Technologies,RP7935A,{serial},B.03.02.1232", Dialect(signed=True), self._commands())
        self._change()

    @property
    def feeds_or_draws(self) -> bool:
        """Whether the output is really on: switched on, and no protection latched."""
        return self._panel.output.value and not self._latch.bits

    # ------------------------------------------------------------------------------------------------ what trips it

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.output
        yield Protection(OV, lambda: found.true_volts > panel.over_voltage.value, lambda: 0.0)
        yield Protection(OC, self._limited_with_protection, lambda: panel.over_current_delay.value)
        yield Protection(CP_POSITIVE, lambda: self._watts() > POWER_MARGIN * WATTS, lambda: 0.04)
        yield Protection(CP_NEGATIVE, lambda: -self._watts() > POWER_MARGIN * WATTS, lambda: 0.04)
        yield Protection(UV, self._too_low, lambda: panel.under_voltage_delay.value)
        yield Protection(PROT, lambda: self.now >= self._gives_up, lambda: 0.0)

    def _limited_with_protection(self) -> bool:
        """The over-current protection knows no level of its own: in voltage priority it trips at the current limit."""
        return self._panel.over_current_on.value and self._panel.function.value == "VOLT" and self._limit() != 0

    def _too_low(self) -> bool:
        return self._panel.under_voltage_on.value and self.output.true_volts < self._panel.under_voltage.value

    def _limit(self) -> int:
        """The bit that says that a limit, not the set point, is regulated."""
        source, sink = self.output.source, self.output.sink
        if self._panel.function.value == "CURR":
            return LIM_POSITIVE * (source.on and source.current > 0 and source.mode == "CV")
        if sink.on and sink.mode == "CC":
            return LIM_NEGATIVE
        return LIM_POSITIVE * (source.on and source.mode in ("CC", "CP"))

    @property
    def _gives_up(self) -> float:
        """When the watchdog bites."""
        return self._heard + self._panel.patience.value if self._panel.watchdog.value else math.inf

    def _watts(self) -> float:
        return self.output.true_volts * self.output.true_amperes

    def trip(self, bits: int = OV) -> None:
        """Latch protections: nothing flows until they are cleared, though the output stays switched on."""
        self._latch.bits |= bits
        self._change()

    def clear(self) -> None:
        """Release the latched protections; what the output was switched to comes back."""
        self._latch.clear()
        self._change()

    # ------------------------------------------------------------------------------------------------ its commands

    def _commands(self) -> Iterable[Command]:
        panel = self._panel
        yield from knob("OUTPut[:STATe]", panel.output, self._change)
        yield Command("OUTPut:PROTection:CLEar", self.clear)
        yield from knob("OUTPut:PROTection:WDOG[:STATe]", panel.watchdog)
        yield from knob("OUTPut:PROTection:WDOG:DELay", panel.patience)
        yield from knob("SYSTem:COMMunicate:RLSTate", self._interface)
        yield from knob("[SOURce:]FUNCtion", panel.function, self._change)
        for header, level in (
            ("VOLTage[:LEVel][:IMMediate][:AMPLitude]", panel.voltage),
            ("VOLTage:LIMit[:POSitive][:IMMediate][:AMPLitude]", panel.voltage_limit),
            ("CURRent[:LEVel][:IMMediate][:AMPLitude]", panel.current),
            ("CURRent:LIMit[:POSitive][:IMMediate][:AMPLitude]", panel.current_high),
            ("CURRent:LIMit:NEGative[:IMMediate][:AMPLitude]", panel.current_low),
            ("CURRent:SLEW[:IMMediate]", panel.slew),
            ("VOLTage:PROTection[:LEVel]", panel.over_voltage),
            ("VOLTage:PROTection:LOW[:LEVel]", panel.under_voltage),
            ("VOLTage:PROTection:LOW:DELay", panel.under_voltage_delay),
            ("CURRent:PROTection:DELay[:TIME]", panel.over_current_delay),
        ):
            yield from knob(f"[SOURce:]{header}", level, self._change)
        yield from knob("[SOURce:]CURRent:SLEW:MAXimum", panel.slew_fastest, self._change)
        yield from knob("[SOURce:]VOLTage:PROTection:LOW:STATe", panel.under_voltage_on)
        yield from knob("[SOURce:]CURRent:PROTection:STATe", panel.over_current_on)
        yield from knob("[SOURce:]VOLTage:SENSe:SOURce", Choice(("INTernal", "EXTernal")))
        yield from self._measuring()
        yield from self._counting()
        yield Command("STATus:QUEStionable2[:EVENt]?", lambda: self.dialect.integer(self._more.take()))
        yield Command("STATus:QUEStionable2:CONDition?", lambda: self.dialect.integer(self._more.condition))

    def _measuring(self) -> Iterable[Command]:
        """MEASure takes voltage and current at once; FETCh says what the last one found."""
        yield Command("MEASure[:SCALar]:VOLTage[:DC]?", lambda: nr3(self._acquire()[0]))
        yield Command("MEASure[:SCALar]:CURRent[:DC]?", lambda: nr3(self._acquire()[1]))
        yield Command("MEASure[:SCALar]:POWer[:DC]?", lambda: nr3(math.prod(self._acquire())))
        yield Command("FETCh[:SCALar]:VOLTage[:DC]?", lambda: nr3(self._fetch()[0]))
        yield Command("FETCh[:SCALar]:CURRent[:DC]?", lambda: nr3(self._fetch()[1]))
        yield Command("FETCh[:SCALar]:POWer[:DC]?", lambda: nr3(math.prod(self._fetch())))

    def _counting(self) -> Iterable[Command]:
        """Ampere-hours and watt-hours since they were last reset, negative when drawn."""
        for node, counter in (("AHOur", self._charge), ("WHOur", self._energy)):
            yield Command(f"FETCh[:SCALar]:{node}?", lambda counter=counter: nr3(counter.total / 3600))
            yield Command(f"[SENSe:]{node}:RESet", counter.reset)

    def _acquire(self) -> tuple[float, float]:
        self._acquired = self.output.volts(), self.output.amperes()
        return self._acquired

    def _fetch(self) -> tuple[float, float]:
        require(self._acquired is not None, -230)
        assert self._acquired is not None
        return self._acquired

    def _change(self) -> None:
        """Carry the settings to the terminals and show in the registers what came of it."""
        self.output.drive(self._offer())
        on, limit = self.feeds_or_draws, self._limit()
        regulates = CV if (self._panel.function.value == "VOLT") != bool(limit) else CC
        self.status.operation.update(regulates if on else OFF)
        self.status.questionable.update(self._latch.bits & 0xFFFF | limit * on)
        self._more.update(self._latch.bits >> 16)

    def _offer(self) -> Offer:
        panel, on = self._panel, self.feeds_or_draws
        if panel.function.value == "VOLT":
            high, low = panel.current_high.value, -panel.current_low.value
            return Offer(on, panel.voltage.value, high, low, WATTS * POWER_MARGIN, WATTS * POWER_MARGIN)
        wanted = panel.current.value
        voltage = panel.voltage_limit.value if wanted > 0 else 0.0
        slew = math.inf if panel.slew_fastest.value else panel.slew.value
        return Offer(on, voltage, max(0.0, wanted), max(0.0, -wanted), math.inf, math.inf, slew)

    # ------------------------------------------------------------------------------------------------ life

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message in steps; any message feeds the watchdog."""
        self._heard = self._heard if self.silent else self.now
        return super().run(message)

    @property
    def next_due(self) -> float:
        """When a protection or the watchdog will trip if its cause persists, in seconds."""
        return min(self._latch.due, self._gives_up if self.feeds_or_draws else math.inf)

    def tick(self, now: float) -> None:
        """Watch the protections; count; carry over what time or a fault has changed."""
        self._charge.add(self.output.true_amperes, now - self.now)
        self._energy.add(self._watts(), now - self.now)
        super().tick(now)
        if not self.feeds_or_draws:
            self._latch.rest()
        elif bits := self._latch.watch(now):
            self.trip(bits)
        self._change()

    def reset(self) -> None:
        """*RST: output off, protections released, settings at their defaults; the interface stays."""
        self._panel.reset()
        self._latch.clear()
        self._acquired = None
        self._change()
