"""A simulated ITECH IT6010C-80-300: 80 V, 300 A, 10 kW in both directions, supply and load in one box.

Commands and the way of the priority modes after open drivers and the log of a live unit; bits of the questionable
status (except that any bit is a trip), slew rates, values after *RST and accuracy are engineering judgement. What is
kept without effect: FUNCtion:MODE, SYSTem:VOLTage:RZERO and SYSTem:BEEPer:STATe.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from numpy.random import Generator as Rng

from station.twin.instruments.boxes import Output, Panel, TwoQuadrantBox, Watchdog
from station.twin.instruments.kept import kept, told
from station.twin.instruments.protection import Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import Choice, Command, Dialect, Memories, Quantity, Settings, Switch, knob, nr2, require
from station.twin.scpi.values import short
from station.twin.terminals import SinkTerminals, SourceTerminals

VOLTS, AMPERES, WATTS = 80.0, 300.0, 10_000.0
SETTABLE, PROTECTABLE = 1.01, 1.1
"""Shares of the rating up to which set points and protections go."""
OVP, OCP, OPP, OTP, UVP, UCP, UNHEARD = (1 << bit for bit in range(7))
"""Bits of STATus:QUEStionable."""
OUTPUT_ON = 256
"""Bit of STATus:OPERation."""
FASTEST, STEEPEST = 300.0, 80.0
"""A/ms and V/ms."""
NETWORK: Mapping[str, str] = MappingProxyType(
    {"SYSTem:COMMunicate:LAN:IP": "127.0.0.1", "SYSTem:COMMunicate:LAN:SMASk": "255.0.0.0"}
)
"""The port as it is here."""


class LongForm(Choice):
    """A choice that is said back in its long form, as it stands in the manual: `VOLTage`."""

    __slots__ = ()

    def text(self, value: str) -> str:
        """Say a value as the instrument does."""
        return next(word for word in self.words if short(word) == value)


class _Guard(Settings):
    """A protection that can be switched on: level, delay, and for those from below a warm-up."""

    def __init__(self, header: str, unit: str, rated: float, default: float, low: float = 0.0) -> None:
        self.header = f"[SOURce:]{header}:PROTection"
        self.level = Quantity(low, PROTECTABLE * rated, default, unit, nr2(4), 4)
        self.state = Switch()
        self.delay = Quantity(0, 60, 0, "S", nr2(3), 3)
        self.warm_up = Quantity(0, 60, 0, "S", nr2(3), 3)

    def knobs(self) -> Iterable[Command]:
        """Level, STATe, DELay and WARM."""
        yield from knob(f"{self.header}[:LEVel]", self.level)
        yield from knob(f"{self.header}:STATe", self.state)
        yield from knob(f"{self.header}:DELay", self.delay)
        yield from knob(f"{self.header}:WARM", self.warm_up)


class _Panel(Panel):
    """What *RST puts back."""

    def __init__(self) -> None:
        volts, amperes, watts = SETTABLE * VOLTS, SETTABLE * AMPERES, SETTABLE * WATTS
        self.output = Output(longest_delay=60)
        self.remote_sense = Switch()
        self.function = LongForm(("VOLTage", "CURRent"))
        self.shape = LongForm(("FIXed", "LIST", "BATTery"))
        self.voltage = Quantity(0, volts, 0, "V", nr2(4), 4)
        self.voltage_high = Quantity(0, volts, VOLTS, "V", nr2(4), 4)
        self.voltage_low = Quantity(0, volts, 0, "V", nr2(4), 4)
        self.current = Quantity(-amperes, amperes, 0, "A", nr2(4), 4)
        self.current_high = Quantity(0, amperes, 0, "A", nr2(4), 4)
        self.current_low = Quantity(-amperes, 0, 0, "A", nr2(4), 4)
        self.power_high = Quantity(0, watts, WATTS, "W", nr2(1), 1)
        self.power_low = Quantity(-watts, 0, -WATTS, "W", nr2(1), 1)
        self.rise = Quantity(0.001, FASTEST, FASTEST, "A/MS", nr2(3), 3)
        self.fall = Quantity(0.001, FASTEST, FASTEST, "A/MS", nr2(3), 3)
        self.climb = Quantity(0.001, STEEPEST, STEEPEST, "V/MS", nr2(3), 3)
        self.descent = Quantity(0.001, STEEPEST, STEEPEST, "V/MS", nr2(3), 3)
        self.resistance = Quantity(0.01, 1000, 1000, "OHM", nr2(4), 4)
        self.resistive = Switch()
        self.over_voltage = _Guard("VOLTage[:OVER]", "V", VOLTS, PROTECTABLE * VOLTS)
        self.over_current = _Guard("CURRent[:OVER]", "A", AMPERES, PROTECTABLE * AMPERES)
        self.over_power = _Guard("POWer[:OVER]", "W", WATTS, PROTECTABLE * WATTS)
        self.under_voltage = _Guard("VOLTage:UNDer", "V", VOLTS, 0)
        self.under_current = _Guard("CURRent:UNDer", "A", AMPERES, 0)
        self.watchdog = Watchdog(Switch(), Quantity(1, 3600, 30, "S", nr2(1), 1))

    @property
    def guards(self) -> tuple[_Guard, ...]:
        """All protections."""
        return self.over_voltage, self.over_current, self.over_power, self.under_voltage, self.under_current

    def copy(self) -> None:
        """What the priority that begins takes over from the one that ends."""
        if self.function.value == "CURR":
            self.voltage_high.value = self.voltage.value
            self.current.value = self.current_high.value
        else:
            self.voltage.value = self.voltage_high.value
            self.current_high.value = max(0.0, self.current.value)
            self.current_low.value = min(0.0, self.current.value)


class ItechIt6000C(TwoQuadrantBox[_Panel]):
    """The box; it sets `output` and reads what the circuit made of it."""

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OTP})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off, in voltage priority."""
        panel = _Panel()
        identity = f"ITECH Electronics,IT6010C-80-300,{serial},000.006.101,640.R,132.R"
        dialect = Dialect(version="IT60xxSrc-v1.3.7", transitions=True)
        super().__init__(identity, dialect, quadrants(rng, source, sink, VOLTS, AMPERES), panel, panel.watchdog)

    # ------------------------------------------------------------------------------------------------ what trips it

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.output
        watched: Iterable[tuple[int, _Guard, Callable[[float], bool]]] = (
            (OVP, panel.over_voltage, lambda level: found.true_volts > level),
            (OCP, panel.over_current, lambda level: abs(found.true_amperes) > level),
            (OPP, panel.over_power, lambda level: abs(found.true_watts) > level),
            (UVP, panel.under_voltage, lambda level: found.true_volts < level),
            (UCP, panel.under_current, lambda level: abs(found.true_amperes) < level),
        )
        for bit, guard, beyond in watched:
            yield Protection(bit, partial(self._exceeds, guard, beyond), partial(_delay, guard))
        yield Protection(UNHEARD, lambda: self.now >= self.watchdog.due, lambda: 0.0)

    def _exceeds(self, guard: _Guard, beyond: Callable[[float], bool]) -> bool:
        warm = self._panel.output.age(self.now) >= guard.warm_up.value
        return guard.state.value and warm and beyond(guard.level.value)

    def clear(self) -> None:
        """Release the latched protections; refused with -221 while the output is on."""
        require(not self._panel.output.on.value, -221)
        self._latch.clear()
        self._change()

    # ------------------------------------------------------------------------------------------------ its commands

    def _commands(self) -> Iterable[Command]:
        panel, output = self._panel, self.output
        yield from self._output()
        yield Command("OUTPut:PROTection:CLEar", self.clear)
        yield from knob("OUTPut:DELay:RISE", panel.output.rise)
        yield from knob("OUTPut:DELay:FALL", panel.output.fall)
        yield from self.watchdog.knobs("OUTPut:PROTection:WDOG[:STATe]", "OUTPut:PROTection:WDOG:DELay")
        yield from knob("REMote:SENSe[:STATe]", panel.remote_sense, self._change)
        yield from kept({"SYSTem:VOLTage:RZERO": True, "SYSTem:BEEPer:STATe": True}, {})
        yield from told(NETWORK)
        yield Command("SYSTem:CLEar", self.status.errors.clear)
        for word in ("REMote", "LOCal", "RWLock", "BEEPer[:IMMediate]"):
            yield Command(f"SYSTem:{word}", lambda: None)
        yield from Memories(range(10), self._keep, self.reset).commands()
        yield Command("[SOURce:]FUNCtion", self._prioritise, panel.function)
        yield Command("[SOURce:]FUNCtion?", lambda: panel.function.text(panel.function.value))
        yield from knob("[SOURce:]FUNCtion:MODE", panel.shape)
        yield from self._levels()
        for guard in panel.guards:
            yield from guard.knobs()
        for verb in ("MEASure", "FETCh"):
            yield from output.measured(verb, nr2(4), nr2(4), nr2(2))

    def _levels(self) -> Iterable[Command]:
        """Set points, and limits that only the other priority lets through."""
        panel = self._panel
        for header, level, priority in (
            ("VOLTage:LIMit[:POSitive]", panel.voltage_high, "CURR"),
            ("VOLTage:LIMit:NEGative", panel.voltage_low, "CURR"),
            ("CURRent:LIMit[:POSitive]", panel.current_high, "VOLT"),
            ("CURRent:LIMit:NEGative", panel.current_low, "VOLT"),
        ):
            yield from knob(f"[SOURce:]{header}", level, self._change, partial(self._only_in, priority))
        for header, setting in (
            ("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", panel.voltage),
            ("[SOURce:]CURRent[:LEVel][:IMMediate][:AMPLitude]", panel.current),
            ("[SOURce:]POWer:LIMit[:POSitive]", panel.power_high),
            ("[SOURce:]POWer:LIMit:NEGative", panel.power_low),
            ("[SOURce:]CURRent:SLEW:POSitive", panel.rise),
            ("[SOURce:]CURRent:SLEW:NEGative", panel.fall),
            ("[SOURce:]VOLTage:SLEW:POSitive", panel.climb),
            ("[SOURce:]VOLTage:SLEW:NEGative", panel.descent),
            ("SINK:RESistance[:LEVel]", panel.resistance),
        ):
            yield from knob(header, setting, self._change)
        yield from knob("SINK:RESistance:STATe", panel.resistive, self._change)
        for name, way, back in (("VOLTage", panel.climb, panel.descent), ("CURRent", panel.rise, panel.fall)):
            header = f"[SOURce:]{name}:SLEW[:BOTH]"
            yield Command(header, partial(self._slew, way, back), way)
            yield Command(f"{header}?", lambda way=way: way.text(way.value))

    def _slew(self, way: Quantity, back: Quantity, rate: float) -> None:
        """The same rate both ways."""
        way.value = back.value = rate
        self._change()

    def _only_in(self, priority: str, _value: float) -> None:
        require(self._panel.function.value == priority, -221)

    def _prioritise(self, function: str) -> None:
        if function != self._panel.function.value:
            self._panel.function.value = function
            self._panel.copy()
        self._change()

    def _show(self) -> None:
        self.status.questionable.update(self._latch.bits)
        self.status.operation.update(OUTPUT_ON * self.flows)

    def _offer(self) -> Offer:
        panel = self._panel
        voltage, feed, draw = self._wanted()
        return Offer(
            on=self.flows,
            voltage=voltage,
            feed=feed,
            draw=draw,
            feed_power=panel.power_high.value,
            draw_power=-panel.power_low.value,
            slew=math.inf if panel.function.value == "VOLT" else 1e3 * min(panel.rise.value, panel.fall.value),
            climb=1e3 * min(panel.climb.value, panel.descent.value),
            conductance=1 / panel.resistance.value if panel.resistive.value else math.inf,
            remote=panel.remote_sense.value,
        )

    def _wanted(self) -> tuple[float, float, float]:
        """Voltage, and how much to feed and to draw, V and A."""
        panel = self._panel
        if panel.function.value == "VOLT":
            return panel.voltage.value, panel.current_high.value, -panel.current_low.value
        wanted = panel.current.value
        voltage = panel.voltage_high.value if wanted > 0 else panel.voltage_low.value
        return voltage, max(0.0, wanted), max(0.0, -wanted)


def _delay(guard: _Guard) -> float:
    return guard.delay.value
