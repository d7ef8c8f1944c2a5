"""A simulated Keysight RP7935A: 80 V, 250 A, 10 kW in both directions, supply and load in one box.

Commands and status bits after the RP7900 operating and service guide (5, SCPI programming reference). Values after
*RST, fastest slew rates and accuracy are engineering judgement. Lists, arbitrary waveforms, digital pins and triggered
acquisitions are not there; what `KEPT_SWITCHES` and `KEPT_CHOICES` name is kept without effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from numpy.random import Generator as Rng

from station.twin.instruments.boxes import Counter, Output, Panel, TwoQuadrantBox, Watchdog
from station.twin.instruments.kept import kept
from station.twin.instruments.protection import Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import Choice, Command, Dialect, Memories, Quantity, Switch, knob, nr3, require
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
CV, CC, OFF, WAITS_FOR_TRIGGER = 1, 2, 4, 16
"""Bits of STATus:OPERation."""
FASTEST, STEEPEST = 1e6, 1e5
"""A/s and V/s."""
POWER_MARGIN = 1.05
"""Share of the rated power at which the box switches itself off."""
AMBIENT = 25.0
"""Degrees Celsius at the air intake, and what is left to the over-temperature trip."""

KEPT_SWITCHES: Mapping[str, bool] = MappingProxyType(
    {
        "DISPlay[:WINDow][:STATe]": True,
        "SENSe:FUNCtion:VOLTage": True,
        "SENSe:FUNCtion:CURRent": True,
        "SENSe:FAULt:STATe": False,
        "[SOURce:]CURRent:SHARing[:STATe]": False,
        "OUTPut:COUPle[:STATe]": False,
        "LXI:IDENtify[:STATe]": False,
        "*PSC": True,
    }
)
KEPT_CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "DISPlay[:WINDow]:VIEW": ("METER_VI", "METER_VP", "METER_VIP"),
        "OUTPut:INHibit:MODE": ("OFF", "LATChing", "LIVE"),
        "OUTPut:PON:STATe": ("RST", "RCL0"),
        "[SOURce:]CURRent:PROTection:DELay:STARt": ("SCHange", "CCTRans"),
        "FORMat[:DATA]": ("ASCii",),
        "FORMat:BORDer": ("NORMal", "SWAPped"),
    }
)
"""What a client may set up and read back, and the circuit knows nothing of."""
KINDS = ("ACDC", "HIGH", "LOW", "MAXimum", "MINimum")
"""What else is measured of voltage and current; all the same here, where nothing ripples within a measurement."""


class _Panel(Panel):
    """What *RST puts back."""

    def __init__(self) -> None:
        volts, amperes = SETTABLE * VOLTS, SETTABLE * AMPERES
        self.output = Output(longest_delay=1.023)
        self.sense = Choice(("INTernal", "EXTernal"))
        self.function = Choice(("VOLTage", "CURRent"))
        self.voltage = Quantity(0, volts, 0, "V")
        self.voltage_limit = Quantity(0, volts, volts, "V")
        self.voltage_low = Quantity(0, volts, 0, "V")
        self.current = Quantity(-amperes, amperes, 0, "A")
        self.current_high = Quantity(0, amperes, 0.01 * AMPERES, "A")
        self.current_low = Quantity(-amperes, 0, -0.01 * AMPERES, "A")
        self.slew = Quantity(0.1, FASTEST, FASTEST, "A/S")
        self.slew_fastest = Switch(default=True)
        self.climb = Quantity(0.1, STEEPEST, STEEPEST, "V/S")
        self.climb_fastest = Switch(default=True)
        self.over_voltage = Quantity(0, PROTECTABLE * VOLTS, PROTECTABLE * VOLTS, "V")
        self.under_voltage = Quantity(0, volts, 0, "V")
        self.under_voltage_on = Switch()
        self.under_voltage_delay = Quantity(0, 2.6, 0.02, "S")
        self.over_current_on = Switch()
        self.over_current_delay = Quantity(0, 0.255, 0.02, "S")
        self.watchdog = Watchdog(Switch(), Quantity(1, 3600, 60, "S", decimals=0))
        self.voltage_step = Quantity(0, volts, 0, "V")
        self.current_step = Quantity(-amperes, amperes, 0, "A")
        self.voltage_mode = Choice(("FIXed", "STEP"))
        self.current_mode = Choice(("FIXed", "STEP"))
        self.trigger = Choice(("BUS", "IMMediate", "EXTernal"))

    def step(self) -> None:
        """What a trigger does: levels in STEP mode go to their triggered values (RP7900 guide, STEP subsystem)."""
        for mode, level, triggered in (
            (self.voltage_mode, self.voltage, self.voltage_step),
            (self.current_mode, self.current, self.current_step),
        ):
            level.value = triggered.value if mode.value == "STEP" else level.value


class KeysightRp7900(TwoQuadrantBox[_Panel]):
    """The box; it sets `output` and reads what the circuit made of it."""

    causes = MappingProxyType({"ovp": OV, "ocp": OC, "opp": CP_POSITIVE, "otp": OT})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off, in voltage priority."""
        panel = _Panel()
        self._charge, self._energy = Counter(), Counter()
        self._acquired: tuple[float, float] | None = None
        self._armed = False
        self._interface = Choice(("LOCal", "REMote", "RWLock"))
        identity = f"Keysight Technologies,RP7935A,{serial},B.03.02.1232"
        dialect = Dialect(signed=True, transitions=True)
        super().__init__(identity, dialect, quadrants(rng, source, sink, VOLTS, AMPERES), panel, panel.watchdog)

    @property
    def flows(self) -> bool:
        """Whether the output is really on: switched on, and no protection latched."""
        return super().flows and not self._latch.bits

    # ------------------------------------------------------------------------------------------------ what trips it

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.output
        yield Protection(OV, lambda: found.true_volts > panel.over_voltage.value, lambda: 0.0)
        yield Protection(OC, self._limited_with_protection, lambda: panel.over_current_delay.value)
        yield Protection(CP_POSITIVE, lambda: found.true_watts > POWER_MARGIN * WATTS, lambda: 0.04)
        yield Protection(CP_NEGATIVE, lambda: -found.true_watts > POWER_MARGIN * WATTS, lambda: 0.04)
        yield Protection(UV, self._too_low, lambda: panel.under_voltage_delay.value)
        yield Protection(PROT, lambda: self.now >= self.watchdog.due, lambda: 0.0)

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

    def trip(self, bits: int = OV) -> None:
        """Latch protections: nothing flows until they are cleared, though the output stays switched on."""
        self._latch.bits |= bits
        self._change()

    def clear(self) -> None:
        """Release the latched protections; what the output was switched to comes back."""
        self._latch.clear()
        self._change()

    # ------------------------------------------------------------------------------------------------ its commands

    def _switch(self, on: bool) -> None:
        """A latched protection does not refuse ON, it only keeps the output from obeying."""
        self._panel.output.turn(on, self.now)
        self._change()

    def _commands(self) -> Iterable[Command]:
        panel = self._panel
        yield from self._output()
        yield Command("OUTPut:PROTection:CLEar", self.clear)
        yield from self.watchdog.knobs("OUTPut:PROTection:WDOG[:STATe]", "OUTPut:PROTection:WDOG:DELay")
        yield Command("OUTPut:PROTection:TEMPerature:MARGin?", lambda: nr3(AMBIENT))
        yield Command("*OPT?", lambda: "0")
        yield Command("SYSTem:TEMPerature:AMBient?", lambda: nr3(AMBIENT))
        yield from knob("SYSTem:COMMunicate:RLSTate", self._interface)
        yield from Memories(range(10), self._keep, self.reset).commands()
        yield from knob("[SOURce:]FUNCtion", panel.function, self._change)
        for header, level in (
            ("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", panel.voltage),
            ("[SOURce:]VOLTage[:LEVel]:TRIGgered[:AMPLitude]", panel.voltage_step),
            ("[SOURce:]VOLTage:LIMit[:POSitive][:IMMediate][:AMPLitude]", panel.voltage_limit),
            ("[SOURce:]VOLTage:LIMit:LOW", panel.voltage_low),
            ("[SOURce:]VOLTage:SLEW[:IMMediate]", panel.climb),
            ("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", panel.current),
            ("[SOURce:]CURRent[:LEVel]:TRIGgered[:AMPLitude]", panel.current_step),
            ("[SOURce:]CURRent:LIMit[:POSitive][:IMMediate][:AMPLitude]", panel.current_high),
            ("[SOURce:]CURRent:LIMit:NEGative[:IMMediate][:AMPLitude]", panel.current_low),
            ("[SOURce:]CURRent:SLEW[:IMMediate]", panel.slew),
            ("[SOURce:]VOLTage:PROTection[:LEVel]", panel.over_voltage),
            ("[SOURce:]VOLTage:PROTection:LOW[:LEVel]", panel.under_voltage),
            ("[SOURce:]VOLTage:PROTection:LOW:DELay", panel.under_voltage_delay),
            ("[SOURce:]CURRent:PROTection:DELay[:TIME]", panel.over_current_delay),
            ("OUTPut:DELay:RISE", panel.output.rise),
            ("OUTPut:DELay:FALL", panel.output.fall),
        ):
            yield from knob(header, level, self._change)
        for header, switch in (
            ("[SOURce:]CURRent:SLEW:MAXimum", panel.slew_fastest),
            ("[SOURce:]VOLTage:SLEW:MAXimum", panel.climb_fastest),
            ("[SOURce:]VOLTage:PROTection:LOW:STATe", panel.under_voltage_on),
            ("[SOURce:]CURRent:PROTection:STATe", panel.over_current_on),
        ):
            yield from knob(header, switch, self._change)
        yield from knob("[SOURce:]VOLTage:SENSe[:SOURce]", panel.sense, self._change)
        yield from kept(KEPT_SWITCHES, KEPT_CHOICES)
        yield from knob("SENSe:SWEep:NPLCycles", Quantity(0, 13, 1))
        yield from self._triggering()
        yield from self._measuring()
        yield from self._counting()
        yield from self.registers("STATus:QUEStionable2", self.status.questionable_more)

    def _triggering(self) -> Iterable[Command]:
        """The transient system: INITiate arms it, one trigger steps the levels."""
        panel = self._panel
        yield from knob("[SOURce:]VOLTage:MODE", panel.voltage_mode)
        yield from knob("[SOURce:]CURRent:MODE", panel.current_mode)
        yield from knob("TRIGger:TRANsient:SOURce", panel.trigger)
        yield Command("INITiate[:IMMediate]:TRANsient", self._arm)
        yield Command("ABORt:TRANsient", self._disarm)
        yield Command("TRIGger:TRANsient[:IMMediate]", self._step)
        yield Command("*TRG", self._trigger)

    def _arm(self) -> None:
        require(not self._armed, -213)
        self._armed = True
        self._change()
        if self._panel.trigger.value == "IMM":
            self._step()

    def _disarm(self) -> None:
        self._armed = False
        self._change()

    def _trigger(self) -> None:
        require(self._panel.trigger.value == "BUS", -211)
        self._step()

    def _step(self) -> None:
        require(self._armed, -211)
        self._panel.step()
        self._disarm()

    def _measuring(self) -> Iterable[Command]:
        """MEASure takes voltage and current at once; FETCh says what the last one found."""
        for verb, take in (("MEASure", self._acquire), ("FETCh", self._fetch)):
            for kind in ("[:DC]", *(f":{kind}" for kind in KINDS)):
                yield Command(f"{verb}[:SCALar]:VOLTage{kind}?", lambda take=take: nr3(take()[0]))
                yield Command(f"{verb}[:SCALar]:CURRent{kind}?", lambda take=take: nr3(take()[1]))
            for kind in ("[:DC]", ":MAXimum", ":MINimum"):
                yield Command(f"{verb}[:SCALar]:POWer{kind}?", lambda take=take: nr3(math.prod(take())))

    def _counting(self) -> Iterable[Command]:
        """Ampere-hours and watt-hours since they were last reset, negative when drawn."""
        for node, counter in (("AHOur", self._charge), ("WHOur", self._energy)):
            yield Command(f"FETCh[:SCALar]:{node}?", lambda counter=counter: nr3(counter.total))
            yield Command(f"[SENSe:]{node}:RESet", counter.reset)

    def _acquire(self) -> tuple[float, float]:
        self._acquired = self.output.volts(), self.output.amperes()
        return self._acquired

    def _fetch(self) -> tuple[float, float]:
        require(self._acquired is not None, -230)
        assert self._acquired is not None
        return self._acquired

    def _show(self) -> None:
        on, limit = self.flows, self._limit()
        regulates = CV if (self._panel.function.value == "VOLT") != bool(limit) else CC
        self.status.operation.update((regulates if on else OFF) | WAITS_FOR_TRIGGER * self._armed)
        self.status.questionable.update(self._latch.bits & 0xFFFF | limit * on)
        self.status.questionable_more.update(self._latch.bits >> 16)

    def _offer(self) -> Offer:
        panel, on, remote = self._panel, self.flows, self._panel.sense.value == "EXT"
        climb = math.inf if panel.climb_fastest.value else panel.climb.value
        if panel.function.value == "VOLT":
            high, low, most = panel.current_high.value, -panel.current_low.value, WATTS * POWER_MARGIN
            return Offer(on, panel.voltage.value, high, low, most, most, climb=climb, remote=remote)
        wanted = panel.current.value
        voltage = panel.voltage_limit.value if wanted > 0 else panel.voltage_low.value
        slew = math.inf if panel.slew_fastest.value else panel.slew.value
        return Offer(on, voltage, max(0.0, wanted), max(0.0, -wanted), math.inf, math.inf, slew, remote=remote)

    # ------------------------------------------------------------------------------------------------ life

    def tick(self, now: float) -> None:
        """Count what has flowed, then as any box."""
        self._charge.add(self.output.true_amperes, now - self.now)
        self._energy.add(self.output.true_watts, now - self.now)
        super().tick(now)

    def reset(self) -> None:
        """*RST: output off, protections released, settings at their defaults; the interface stays."""
        self._acquired, self._armed = None, False
        super().reset()
