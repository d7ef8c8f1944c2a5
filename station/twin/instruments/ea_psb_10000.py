"""A simulated EA-PSB 10080-340: 80 V, 340 A, 10 kW in both directions, supply and load in one box.

Commands, units, codes and bits after the EA guide "Programming ModBus & SCPI", section 5. Values after *RST, accuracy,
and which of two codes a refusal gets where the guide leaves it open, are engineering judgement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from numpy.random import Generator as Rng

from station.twin.instruments.powered import PoweredInstrument
from station.twin.instruments.protection import Latch, Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import (
    Answer,
    Choice,
    Command,
    Dialect,
    Quantity,
    Settings,
    Switch,
    knob,
    nr1,
    require,
)
from station.twin.scpi.syntax import split
from station.twin.terminals import SinkTerminals, SourceTerminals

VOLTS, AMPERES, WATTS = 80.0, 340.0, 10_000.0
SETTABLE, PROTECTABLE = 1.02, 1.1
"""Shares of the rating up to which set points and protections go."""
OVP, OCP, OPP, OT, OVD, UVD, OCD, UCD, OPD = (1 << bit for bit in range(9))
"""Alarms, bits of STATus:QUEStionable."""
LOCAL, REMOTE, OUTPUT_ON = 1 << 9, 1 << 10, 1 << 11
"""The other bits of STATus:QUEStionable."""
TIMED_OUT, CV, CC, SINKING = 1 << 7, 1 << 8, 1 << 9, 1 << 12
"""Bits of STATus:OPERation."""
UNHEARD = 1 << 16
"""The trip of the interface monitoring among the alarms; it shows as `TIMED_OUT`."""
MOST_COMMANDS, LONGEST_MESSAGE = 5, 256
"""What one message may hold."""
NEVER_CLOSED = 0
"""The LAN time-out that stands for none."""

CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "No error",
        -100: "Command error",
        -102: "Syntax error",
        -108: "Parameter not allowed",
        -200: "Execution error",
        -201: "Invalid while in local",
        -220: "Parameter error",
        -221: "Settings conflict",
        -222: "Data out of range",
        -223: "Too much data",
        -224: "Illegal parameter value",
        -350: "Queue overflow",
    }
)
"""The errors that EA's boxes know; any other command error is -100 to them, any other refusal -200."""


def _in(unit: str, digits: int) -> Callable[[float], str]:
    """A format with the unit behind the number: `43.50V`."""
    return lambda value: f"{value + 0.0:.{digits}f}{unit}"


class _Level(Settings):
    """A set point, the bounds an operator may give it, and the protection above it."""

    def __init__(self, header: str, unit: str, rated: float, digits: int, default: float = 0.0) -> None:
        form, top = _in(unit, digits), SETTABLE * rated
        self.header = header
        self.level = Quantity(0, top, default, unit, form)
        self.low = Quantity(0, top, 0, unit, form)
        self.high = Quantity(0, top, top, unit, form)
        self.protection = Quantity(0, PROTECTABLE * rated, PROTECTABLE * rated, unit, form)

    def knobs(self, then: Callable[[], None]) -> Iterable[Command]:
        """Level, LIMit:LOW, LIMit:HIGH and PROTection; a bound that would shut out the level is a conflict."""
        level, low, high = self.level, self.low, self.high
        header = f"[SOURce:]{self.header}"
        yield from knob(f"{header}[:LEVel]", level, then, lambda value: require(low.value <= value <= high.value, -222))
        yield from knob(f"{header}:LIMit:LOW", low, check=lambda value: require(value <= level.value, -221))
        yield from knob(f"{header}:LIMit:HIGH", high, check=lambda value: require(value >= level.value, -221))
        yield from knob(f"{header}:PROTection[:LEVel]", self.protection)


class _Supervised(Settings):
    """A quantity that is watched for leaving a range, and what happens then; only ALARm switches off."""

    def __init__(self, unit: str, rated: float, digits: int, default: float) -> None:
        self.level = Quantity(0, PROTECTABLE * rated, default * rated, unit, _in(unit, digits))
        self.action = Choice(("NONE", "SIGNal", "WARNing", "ALARm"))

    def alarms(self, exceeded: bool) -> bool:
        """Whether it is to switch off."""
        return exceeded and self.action.value == "ALAR"


class _Panel(Settings):
    """What *RST puts back."""

    def __init__(self) -> None:
        self.output = Switch(words=("OFF", "ON"))
        self.voltage = _Level("VOLTage", "V", VOLTS, 2)
        self.current = _Level("CURRent", "A", AMPERES, 1)
        self.power = _Level("POWer", "W", WATTS, 0, WATTS)
        self.sink_current = _Level("SINK:CURRent", "A", AMPERES, 1)
        self.sink_power = _Level("SINK:POWer", "W", WATTS, 0, WATTS)
        self.over_voltage = _Supervised("V", VOLTS, 2, PROTECTABLE)
        self.under_voltage = _Supervised("V", VOLTS, 2, 0)
        self.over_current = _Supervised("A", AMPERES, 1, PROTECTABLE)
        self.under_current = _Supervised("A", AMPERES, 1, 0)
        self.over_power = _Supervised("W", WATTS, 0, PROTECTABLE)
        self.after_remote = Choice(("AUTO", "OFF"))

    @property
    def levels(self) -> tuple[_Level, ...]:
        """All set points."""
        return self.voltage, self.current, self.power, self.sink_current, self.sink_power


class EaPsb10000(PoweredInstrument):
    """The box; it sets `output` and reads what the circuit made of it.

    Besides those of every powered instrument, a fault may set `local`: somebody pressed LOCAL.
    """

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OT})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off and nobody in remote control."""
        self.output = quadrants(rng, source, sink, VOLTS, AMPERES)
        self.voltmeter, self.ammeter = self.output.voltmeter, self.output.ammeter
        self.local = False
        self._remote = False
        self._heard = 0.0
        self._monitoring = Switch(words=("OFF", "ON"))
        self._silence = Quantity(1, 36_000, 5, "S", nr1, 0)
        self._lan_timeout = Quantity(0, 65_535, 5, "S", nr1, 0)
        self._lan_kept = Switch(words=("OFF", "ON"))
        self._panel = _Panel()
        self._latch = Latch(tuple(self._protections()))
        identity = f"EA Elektro-Automatik GmbH & Co. KG,PSB 10080-340,{serial},V3.06 V2.15 V1.0.2,"
        super().__init__(identity, Dialect(queue_depth=5), self._commands())
        self._change()

    @property
    def owner(self) -> Literal["LOCAL", "REMOTE", "NONE"]:
        """Who is in control."""
        return "LOCAL" if self.local else "REMOTE" if self._remote else "NONE"

    @property
    def idle_timeout(self) -> float:
        """Seconds without a message after which the box closes a socket; infinity when it never does."""
        kept = self._lan_kept.value or self._lan_timeout.value == NEVER_CLOSED
        return math.inf if kept else self._lan_timeout.value

    # ------------------------------------------------------------------------------------------------ what trips it

    def _protections(self) -> Iterable[Protection]:
        panel, found = self._panel, self.output
        watched: Iterable[tuple[int, Callable[[], bool]]] = (
            (OVP, lambda: found.true_volts > panel.voltage.protection.value),
            (OCP, lambda: found.true_amperes > panel.current.protection.value),
            (OCP, lambda: -found.true_amperes > panel.sink_current.protection.value),
            (OPP, lambda: self._watts() > panel.power.protection.value),
            (OPP, lambda: -self._watts() > panel.sink_power.protection.value),
            (OVD, lambda: panel.over_voltage.alarms(found.true_volts > panel.over_voltage.level.value)),
            (UVD, lambda: panel.under_voltage.alarms(found.true_volts < panel.under_voltage.level.value)),
            (OCD, lambda: panel.over_current.alarms(found.true_amperes > panel.over_current.level.value)),
            (UCD, lambda: panel.under_current.alarms(found.true_amperes < panel.under_current.level.value)),
            (OPD, lambda: panel.over_power.alarms(self._watts() > panel.over_power.level.value)),
            (UNHEARD, lambda: self.now >= self._patience),
        )
        return (Protection(bit, exceeded, lambda: 0.0) for bit, exceeded in watched)

    @property
    def _patience(self) -> float:
        """When the interface monitoring gives up."""
        return self._heard + self._silence.value if self._monitoring.value else math.inf

    def _watts(self) -> float:
        return self.output.true_volts * self.output.true_amperes

    def trip(self, bits: int = OVP) -> None:
        """Raise alarms: output off, and ON refused until they are acknowledged."""
        self._latch.bits |= bits
        self._panel.output.value = False
        self._change()

    def acknowledge(self) -> None:
        """Let go of every alarm whose cause has gone; the output stays off."""
        standing = {protection.bit for protection in self._latch.protections if protection.exceeded()}
        self._latch.bits &= sum(standing)
        self._change()

    # ------------------------------------------------------------------------------------------------ its commands

    def _commands(self) -> Iterable[Command]:
        output = self.output
        yield Command("SYSTem:LOCK[:STATe]", self._lock, Switch())
        yield Command("SYSTem:LOCK:OWNer?", lambda: self.owner)
        yield Command("SYSTem:ERRor[:NEXT]?", lambda: self._errors(1))
        yield Command("SYSTem:ERRor:ALL?", lambda: self._errors(self.dialect.queue_depth))
        yield Command("MEASure[:SCALar]:VOLTage[:DC]?", lambda: _in("V", 2)(output.volts()))
        yield Command("MEASure[:SCALar]:CURRent[:DC]?", lambda: _in("A", 1)(output.amperes()))
        yield Command("MEASure[:SCALar]:POWer[:DC]?", lambda: _in("W", 0)(output.volts() * output.amperes()))
        yield Command("MEASure[:SCALar]:ARRay?", self._array)
        yield from map(self._guarded, self._settings())

    def _settings(self) -> Iterable[Command]:
        """What only those in remote control may change."""
        panel = self._panel
        yield Command("OUTPut[:STATe]", self._switch, panel.output)
        yield Command("OUTPut[:STATe]?", lambda: panel.output.text(panel.output.value))
        for level in panel.levels:
            yield from level.knobs(self._change)
        for name, supervised in (
            ("OVD", panel.over_voltage),
            ("UVD", panel.under_voltage),
            ("OCD", panel.over_current),
            ("UCD", panel.under_current),
            ("OPD", panel.over_power),
        ):
            yield from knob(f"SYSTem:CONFig:{name}", supervised.level)
            yield from knob(f"SYSTem:CONFig:{name}:ACTion", supervised.action)
        yield from knob("SYSTem:CONFig:MODE", Choice(("UIP", "UIR")))
        yield from knob("SYSTem:CONFig:OUTPut:RESTore", Choice(("OFF", "AUTO")))
        yield from knob("SYSTem:CONFig:ANALog:REMSb:ACTion", Choice(("AUTO", "OFF")))
        yield from knob("SYSTem:ALARm:ACTion:PFail", Choice(("AUTO", "OFF")))
        yield from knob("SYSTem:ALARm:ACTion:OTEMperature", Choice(("AUTO", "OFF")))
        yield from knob("POWer:STAGe:AFTer:REMote", panel.after_remote)
        yield from knob("SYSTem:COMMunicate:MONitor:TIMeout", self._silence)
        yield from knob("SYSTem:COMMunicate:MONitor:ACTion", self._monitoring)
        yield from knob("SYSTem:COMMunicate:LAN:TIMEOUT", self._lan_timeout)
        yield from knob("SYSTem:COMMunicate:LAN:KEEPalive", self._lan_kept)

    def _guarded(self, command: Command) -> Command:
        """The same command, refused unless this interface is in control; questions are always answered."""

        def obey(*values: object) -> Answer:
            if self.owner == "REMOTE":
                return command.handler(*values)
            self.status.error(-201 if self.local else -221)
            return None

        return command if command.header.endswith("?") else Command(command.header, obey, *command.parameters)

    def _lock(self, on: bool) -> None:
        if self.local:
            self.status.error(-201)
            return
        leaves, self._remote = self._remote and not on, on
        if leaves and self._panel.after_remote.value == "OFF":
            self._panel.output.value = False
        self._change()

    def _errors(self, count: int) -> str:
        """The oldest errors, in EA's numbers; asking for them acknowledges the alarms."""
        self.acknowledge()
        queue = self.status.errors
        codes = [_code(queue.popleft()) for _ in range(min(count, len(queue)))] or [0]
        return ",".join(f'{code},"{CODES[code]}"' for code in codes)

    def _array(self) -> str:
        volts, amperes = self.output.volts(), self.output.amperes()
        return f"{_in('V', 2)(volts)}, {_in('A', 1)(amperes)}, {_in('W', 0)(volts * amperes)}"

    def _switch(self, on: bool) -> None:
        require(not (on and self._latch.bits), -221)
        self._panel.output.value = on
        self._change()

    def _change(self) -> None:
        """Carry the settings to the terminals and show in the registers what came of it."""
        panel, output, on = self._panel, self.output, self._panel.output.value
        levels = (level.level.value for level in panel.levels)
        voltage, feed, feed_power, draw, draw_power = levels
        output.drive(Offer(on, voltage, feed, draw, feed_power, draw_power))
        alarms = self._latch.bits
        owner = {"LOCAL": LOCAL, "REMOTE": REMOTE, "NONE": 0}[self.owner]
        self.status.questionable.update(alarms & ~UNHEARD | owner | OUTPUT_ON * on)
        sinks = on and output.true_amperes < 0
        regulates = output.sink.mode if sinks else output.source.mode
        mode = (CV if regulates in ("CV", "OFF") else CC) * on
        self.status.operation.update(TIMED_OUT * bool(alarms & UNHEARD) | mode | SINKING * sinks)

    # ------------------------------------------------------------------------------------------------ life

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message of at most five commands and 256 characters; a longer one is refused whole with -223."""
        if self.silent:
            return None
        self._heard = self.now
        text = message if isinstance(message, str) else message.decode("latin-1")
        if len(text) > LONGEST_MESSAGE or sum(map(bool, split(text, ";"))) > MOST_COMMANDS:
            self.status.error(-223)
            return None
        return (yield from super().run(message))

    @property
    def next_due(self) -> float:
        """When the interface monitoring gives up, in seconds."""
        return min(self._latch.due, self._patience if self._panel.output.value else math.inf)

    def tick(self, now: float) -> None:
        """Watch the protections; carry over what time or a fault has changed."""
        super().tick(now)
        if self._panel.output.value and (bits := self._latch.watch(now)):
            self.trip(bits)
        self._change()

    def reset(self) -> None:
        """*RST: remote control, output off, alarms acknowledged, settings at their defaults."""
        self._panel.reset()
        self._latch.clear()
        self._remote = not self.local
        self._change()


def _code(code: int) -> int:
    """The number that EA has for an error of the standard."""
    return code if code in CODES else -100 if code > -200 else -200
