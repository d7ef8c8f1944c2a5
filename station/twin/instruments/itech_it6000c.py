"""A simulated ITECH IT6010C-80-300: 80 V, 300 A, 10 kW in both directions, supply and load in one box.

Commands and the way of the priority modes after open drivers and the log of a live unit; bits of the questionable
status (except that any bit is a trip), slew rates, values after *RST and accuracy are engineering judgement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from functools import partial
from types import MappingProxyType

from numpy.random import Generator as Rng

from station.twin.instruments.powered import PoweredInstrument
from station.twin.instruments.protection import Latch, Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import Choice, Command, Dialect, Quantity, Settings, Switch, knob, nr2, require
from station.twin.scpi.values import short
from station.twin.terminals import SinkTerminals, SourceTerminals

VOLTS, AMPERES, WATTS = 80.0, 300.0, 10_000.0
SETTABLE, PROTECTABLE = 1.01, 1.1
"""Shares of the rating up to which set points and protections go."""
OVP, OCP, OPP, OTP, UVP, UCP, UNHEARD = (1 << bit for bit in range(7))
"""Bits of STATus:QUEStionable."""
OUTPUT_ON = 256
"""Bit of STATus:OPERation."""
FASTEST = 300.0
"""A/ms."""


class LongForm(Choice):
    """A choice that is said back in its long form, as it stands in the manual: `VOLTage`."""

    __slots__ = ()

    def text(self, value: str) -> str:
        """Say a value as the instrument does."""
        return next(word for word in self.words if short(word) == value)


class _Guard(Settings):
    """A protection that can be switched on: level, delay, and for those from below a warm-up."""

    def __init__(self, header: str, unit: str, rated: float, default: float) -> None:
        self.header = f"[SOURce:]{header}:PROTection"
        self.level = Quantity(0, PROTECTABLE * rated, default, unit, nr2(4), 4)
        self.state = Switch()
        self.delay = Quantity(0, 60, 0, "S", nr2(3), 3)
        self.warm_up = Quantity(0, 60, 0, "S", nr2(3), 3)

    def knobs(self) -> Iterable[Command]:
        """Level, STATe, DELay and WARM."""
        yield from knob(f"{self.header}[:LEVel]", self.level)
        yield from knob(f"{self.header}:STATe", self.state)
        yield from knob(f"{self.header}:DELay", self.delay)
        yield from knob(f"{self.header}:WARM", self.warm_up)


class _Panel(Settings):
    """What *RST puts back."""

    def __init__(self) -> None:
        volts, amperes, watts = SETTABLE * VOLTS, SETTABLE * AMPERES, SETTABLE * WATTS
        self.output = Switch()
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
        self.over_voltage = _Guard("VOLTage[:OVER]", "V", VOLTS, PROTECTABLE * VOLTS)
        self.over_current = _Guard("CURRent[:OVER]", "A", AMPERES, PROTECTABLE * AMPERES)
        self.over_power = _Guard("POWer[:OVER]", "W", WATTS, PROTECTABLE * WATTS)
        self.under_voltage = _Guard("VOLTage:UNDer", "V", VOLTS, 0)
        self.under_current = _Guard("CURRent:UNDer", "A", AMPERES, 0)
        self.watchdog = Switch()
        self.patience = Quantity(1, 3600, 30, "S", nr2(1), 1)

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


class ItechIt6000C(PoweredInstrument):
    """The box; it sets `output` and reads what the circuit made of it."""

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OTP})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off, in voltage priority."""
        self.output = quadrants(rng, source, sink, VOLTS, AMPERES)
        self.voltmeter, self.ammeter = self.output.voltmeter, self.output.ammeter
        self._heard = self._since = 0.0
        self._panel = _Panel()
        self._latch = Latch(tuple(self._protections()))
        identity = f"ITECH Electronics,IT6010C-80-300,{serial},000.006.101,640.R,132.R"
        super().__init__(identity, Dialect(), self._commands())
        self._change()

    # ------------------------------------------------------------------------------------------------ what trips it

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.output
        watched: Iterable[tuple[int, _Guard, Callable[[float], bool]]] = (
            (OVP, panel.over_voltage, lambda level: found.true_volts > level),
            (OCP, panel.over_current, lambda level: abs(found.true_amperes) > level),
            (OPP, panel.over_power, lambda level: abs(found.true_volts * found.true_amperes) > level),
            (UVP, panel.under_voltage, lambda level: found.true_volts < level),
            (UCP, panel.under_current, lambda level: abs(found.true_amperes) < level),
        )
        for bit, guard, beyond in watched:
            yield Protection(bit, partial(self._exceeds, guard, beyond), partial(_delay, guard))
        yield Protection(UNHEARD, lambda: self.now >= self._gives_up, lambda: 0.0)

    def _exceeds(self, guard: _Guard, beyond: Callable[[float], bool]) -> bool:
        warm = self.now >= self._since + guard.warm_up.value
        return guard.state.value and warm and beyond(guard.level.value)

    @property
    def _gives_up(self) -> float:
        """When the watchdog bites."""
        return self._heard + self._panel.patience.value if self._panel.watchdog.value else math.inf

    def trip(self, bits: int = OVP) -> None:
        """Latch protections: output off, and ON refused until they are cleared."""
        self._latch.bits |= bits
        self._panel.output.value = False
        self._change()

    def clear(self) -> None:
        """Release the latched protections; refused with -221 while the output is on."""
        require(not self._panel.output.value, -221)
        self._latch.clear()
        self._change()

    # ------------------------------------------------------------------------------------------------ its commands

    def _commands(self) -> Iterable[Command]:
        panel, output = self._panel, self.output
        yield Command("OUTPut[:STATe]", self._switch, panel.output)
        yield Command("OUTPut[:STATe]?", lambda: panel.output.text(panel.output.value))
        yield Command("OUTPut:PROTection:CLEar", self.clear)
        yield from knob("OUTPut:PROTection:WDOG[:STATe]", panel.watchdog)
        yield from knob("OUTPut:PROTection:WDOG:DELay", panel.patience)
        yield from knob("REMote:SENSe[:STATe]", Switch())
        for word in ("REMote", "LOCal", "RWLock"):
            yield Command(f"SYSTem:{word}", lambda: None)
        yield Command("[SOURce:]FUNCtion", self._prioritise, panel.function)
        yield Command("[SOURce:]FUNCtion?", lambda: panel.function.text(panel.function.value))
        yield from knob("[SOURce:]FUNCtion:MODE", panel.shape)
        yield from self._levels()
        for guard in panel.guards:
            yield from guard.knobs()
        for verb in ("MEASure", "FETCh"):
            yield Command(f"{verb}[:SCALar]:VOLTage[:DC]?", lambda: nr2(4)(output.volts()))
            yield Command(f"{verb}[:SCALar]:CURRent[:DC]?", lambda: nr2(4)(output.amperes()))
            yield Command(f"{verb}[:SCALar]:POWer[:DC]?", lambda: nr2(2)(output.volts() * output.amperes()))

    def _levels(self) -> Iterable[Command]:
        """Set points, and limits that only the other priority lets through."""
        panel = self._panel
        header = "[SOURce:]{}[:LEVel][:IMMediate]"
        yield from knob(header.format("VOLTage"), panel.voltage, self._change)
        yield from knob(header.format("CURRent"), panel.current, self._change)
        for name, level, priority in (
            ("VOLTage:LIMit[:POSitive]", panel.voltage_high, "CURR"),
            ("VOLTage:LIMit:NEGative", panel.voltage_low, "CURR"),
            ("CURRent:LIMit[:POSitive]", panel.current_high, "VOLT"),
            ("CURRent:LIMit:NEGative", panel.current_low, "VOLT"),
        ):
            yield from knob(f"[SOURce:]{name}", level, self._change, partial(self._only_in, priority))
        yield from knob("[SOURce:]POWer:LIMit[:POSitive]", panel.power_high, self._change)
        yield from knob("[SOURce:]POWer:LIMit:NEGative", panel.power_low, self._change)
        yield from knob("[SOURce:]CURRent:SLEW:POSitive", panel.rise, self._change)
        yield from knob("[SOURce:]CURRent:SLEW:NEGative", panel.fall, self._change)

    def _only_in(self, priority: str, _value: float) -> None:
        require(self._panel.function.value == priority, -221)

    def _prioritise(self, function: str) -> None:
        if function != self._panel.function.value:
            self._panel.function.value = function
            self._panel.copy()
        self._change()

    def _switch(self, on: bool) -> None:
        require(not (on and self._latch.bits), -221)
        self._since = self.now if on and not self._panel.output.value else self._since
        self._panel.output.value = on
        self._change()

    def _change(self) -> None:
        """Carry the settings to the terminals and show in the registers what came of it."""
        self.output.drive(self._offer())
        self.status.questionable.update(self._latch.bits)
        self.status.operation.update(OUTPUT_ON * self._panel.output.value)

    def _offer(self) -> Offer:
        panel, slew = self._panel, 1e3 * min(self._panel.rise.value, self._panel.fall.value)
        on, powers = panel.output.value, (panel.power_high.value, -panel.power_low.value)
        if panel.function.value == "VOLT":
            return Offer(on, panel.voltage.value, panel.current_high.value, -panel.current_low.value, *powers)
        wanted = panel.current.value
        voltage = panel.voltage_high.value if wanted > 0 else panel.voltage_low.value
        return Offer(on, voltage, max(0.0, wanted), max(0.0, -wanted), *powers, slew)

    # ------------------------------------------------------------------------------------------------ life

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message in steps; any message feeds the watchdog."""
        self._heard = self._heard if self.silent else self.now
        return super().run(message)

    @property
    def next_due(self) -> float:
        """When a protection or the watchdog will trip if its cause persists, in seconds."""
        return min(self._latch.due, self._gives_up if self._panel.output.value else math.inf)

    def tick(self, now: float) -> None:
        """Watch the protections; carry over what time or a fault has changed."""
        super().tick(now)
        if not self._panel.output.value:
            self._latch.rest()
        elif bits := self._latch.watch(now):
            self.trip(bits)
        self._change()

    def reset(self) -> None:
        """*RST: output off, protections released, settings at their defaults."""
        self._panel.reset()
        self._latch.clear()
        self._change()


def _delay(guard: _Guard) -> float:
    return guard.delay.value
