"""A simulated EA-PSB 10080-340: 80 V, 340 A, 10 kW in both directions, supply and load in one box.

Commands, units, codes and bits after the EA guide "Programming ModBus & SCPI", section 5, and an open driver that was
tried on a PSB 10060-60. Values after *RST, accuracy, units of what is counted, and which of two codes a refusal gets
where the guide leaves it open, are engineering judgement. It senses at its sense posts as soon as something is wired to
them, and has no command for that; here nothing is. The function generator, the battery test and the source's internal
resistance are not there: the generator says that it rests. What `KEPT` names is kept without effect, and `NETWORK` is
told and cannot be changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from numpy.random import Generator as Rng

from station.twin.instruments.boxes import Counter, Output, Panel, TwoQuadrantBox, Watchdog
from station.twin.instruments.kept import kept, told
from station.twin.instruments.protection import Protection
from station.twin.instruments.two_quadrants import Offer, quadrants
from station.twin.scpi import (
    Answer,
    Choice,
    Command,
    Dialect,
    Quantity,
    Settings,
    Switch,
    Text,
    knob,
    nr1,
    require,
)
from station.twin.scpi.syntax import split
from station.twin.terminals import SinkTerminals, SourceTerminals

VOLTS, AMPERES, WATTS = 80.0, 340.0, 10_000.0
LEAST_OHMS, MOST_OHMS = 0.01, 25.0
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
COUNTED: Mapping[str, int] = MappingProxyType(
    {"OVOLtage": OVP, "OCURrent": OCP, "OPOWer": OPP, "OTEMperature": OT, "PFAil": 1 << 13}
)
"""What SYSTem:ALARm:COUNt counts since power-up, by the bit of the alarm."""
NEVER_CLOSED, SOONEST_CLOSED = 0, 5
"""The LAN time-out that stands for none, and the least other one, S."""
KEPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "SYSTem:CONFig:OUTPut:RESTore": ("OFF", "AUTO"),
        "SYSTem:CONFig:ANALog:REMSb:ACTion": ("AUTO", "OFF"),
        "SYSTem:CONFig:ANALog:REMSb:LEVel": ("NORMAL", "INVERTED"),
        "SYSTem:CONFig:CONTroller:SPEed": ("NORM", "SLOW", "FAST"),
        "SYSTem:CONFig:SEMif47": ("DISable", "ENable"),
        "SYSTem:ALARm:ACTion:PFail": ("AUTO", "OFF"),
        "SYSTem:ALARm:ACTion:OTEMperature": ("AUTO", "OFF"),
        "SYSTem:COMMunicate:PROTocol:MODBus": ("ENable", "DISable"),
        "FUNCtion:GENerator:SELect": ("NONE",),
        "FUNCtion:GENerator:WAVE:STATe": ("STOP",),
    }
)
"""What nothing here shows, and its words, the default first."""
NETWORK: Mapping[str, str] = MappingProxyType(
    {
        "SYSTem:COMMunicate:LAN:INDex": "2",
        "SYSTem:COMMunicate:LAN:ADDRess": "127.0.0.1",
        "SYSTem:COMMunicate:LAN:SMASk": "255.0.0.0",
        "SYSTem:COMMunicate:LAN:GATeway": "0.0.0.0",
        "SYSTem:COMMunicate:LAN:DHCP": "OFF",
    }
)
"""The built-in port as it is here."""

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


class _Panel(Panel):
    """What *RST puts back."""

    def __init__(self) -> None:
        self.output = Output(words=("OFF", "ON"))
        self.mode = Choice(("UIP", "UIR"))
        self.sink_resistance = Quantity(LEAST_OHMS, MOST_OHMS, MOST_OHMS, "OHM", _in("OHM", 3), 3)
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
        self.sink_over_current = _Supervised("A", AMPERES, 1, PROTECTABLE)
        self.sink_under_current = _Supervised("A", AMPERES, 1, 0)
        self.sink_over_power = _Supervised("W", WATTS, 0, PROTECTABLE)
        self.after_remote = Choice(("AUTO", "OFF"))

    @property
    def levels(self) -> tuple[_Level, ...]:
        """All set points."""
        return self.voltage, self.current, self.power, self.sink_current, self.sink_power

    @property
    def supervised(self) -> Mapping[str, _Supervised]:
        """All quantities that are watched, by the node that says so."""
        return {
            "SYSTem:CONFig:OVD": self.over_voltage,
            "SYSTem:CONFig:UVD": self.under_voltage,
            "SYSTem:CONFig:OCD": self.over_current,
            "SYSTem:CONFig:UCD": self.under_current,
            "SYSTem:CONFig:OPD": self.over_power,
            "SYSTem:SINK:CONFig:OCD": self.sink_over_current,
            "SYSTem:SINK:CONFig:UCD": self.sink_under_current,
            "SYSTem:SINK:CONFig:OPD": self.sink_over_power,
        }


class EaPsb10000(TwoQuadrantBox[_Panel]):
    """The box; it sets `output` and reads what the circuit made of it.

    Besides those of every powered instrument, a fault may set `local`: somebody pressed LOCAL.
    """

    causes = MappingProxyType({"ovp": OVP, "ocp": OCP, "opp": OPP, "otp": OT})

    def __init__(self, *, serial: str, rng: Rng, source: SourceTerminals, sink: SinkTerminals) -> None:
        """Power up with the output off and nobody in remote control."""
        self._local = self._remote = False
        self._counts = dict.fromkeys(COUNTED, 0)
        self._sink_counts = dict.fromkeys(("OCURrent", "OPOWer"), 0)
        self._text = Text()
        self._fed, self._drawn = (Counter(), Counter()), (Counter(), Counter())
        self._age, self._on_time = Counter(), Counter()
        self._lan_timeout = Quantity(NEVER_CLOSED, 65_535, SOONEST_CLOSED, "S", nr1, 0)
        self._lan_kept = Switch(words=("OFF", "ON"))
        identity = f"EA Elektro-Automatik GmbH & Co. KG,PSB 10080-340,{serial},V3.06 V2.15 V1.0.2,"
        monitoring = Watchdog(Switch(words=("OFF", "ON")), Quantity(1, 36_000, 5, "S", nr1, 0))
        output = quadrants(rng, source, sink, VOLTS, AMPERES)
        super().__init__(identity, Dialect(queue_depth=5), output, _Panel(), monitoring)

    @property
    def local(self) -> bool:
        """Whether somebody pressed LOCAL."""
        return self._local

    @local.setter
    def local(self, pressed: bool) -> None:
        self._local = pressed
        self._show()

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
            (OPP, lambda: found.true_watts > panel.power.protection.value),
            (OPP, lambda: -found.true_watts > panel.sink_power.protection.value),
            (OVD, lambda: panel.over_voltage.alarms(found.true_volts > panel.over_voltage.level.value)),
            (UVD, lambda: panel.under_voltage.alarms(found.true_volts < panel.under_voltage.level.value)),
            (OCD, lambda: panel.over_current.alarms(found.true_amperes > panel.over_current.level.value)),
            (UCD, lambda: panel.under_current.alarms(found.true_amperes < panel.under_current.level.value)),
            (OPD, lambda: panel.over_power.alarms(found.true_watts > panel.over_power.level.value)),
            (OCD, lambda: panel.sink_over_current.alarms(-found.true_amperes > panel.sink_over_current.level.value)),
            (
                UCD,
                lambda: panel.sink_under_current.alarms(0 < -found.true_amperes < panel.sink_under_current.level.value),
            ),
            (OPD, lambda: panel.sink_over_power.alarms(-found.true_watts > panel.sink_over_power.level.value)),
            (UNHEARD, lambda: self.now >= self.watchdog.due),
        )
        return (Protection(bit, exceeded, lambda: 0.0) for bit, exceeded in watched)

    def trip(self, bits: int = OVP) -> None:
        """Raise alarms, and count them: output off, and ON refused until they are acknowledged."""
        counts = self._sink_counts if self.output.true_amperes < 0 else self._counts
        for name, bit in COUNTED.items():
            if bits & bit & ~self._latch.bits:
                counts[name] = counts.get(name, 0) + 1
        super().trip(bits)

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
        yield from output.measured("MEASure", _in("V", 2), _in("A", 1), _in("W", 0))
        yield Command("MEASure[:SCALar]:ARRay?", self._array)
        yield from self._nameplate()
        for node in ("SECondary", "SECond"):
            yield from self.registers(f"STATus:{node}:QUEStionable", self.status.questionable_more)
        yield from self._counting()
        yield from told(NETWORK)
        yield from map(self._guarded, self._settings())

    def _nameplate(self) -> Iterable[Command]:
        """What the box is rated for, and how often each alarm was raised."""
        for name, said in (
            ("VOLTage", _in("V", 2)(VOLTS)),
            ("CURRent", _in("A", 1)(AMPERES)),
            ("POWer", _in("W", 0)(WATTS)),
            ("RESistance:MINimum", _in("OHM", 3)(LEAST_OHMS)),
            ("RESistance:MAXimum", _in("OHM", 3)(MOST_OHMS)),
        ):
            yield Command(f"SYSTem:NOMinal:{name}?", lambda said=said: said)
        for header, counts in (("SYSTem:ALARm", self._counts), ("SYSTem:SINK:ALARm", self._sink_counts)):
            for name in counts:
                yield Command(f"{header}:COUNt:{name}?", lambda counts=counts, name=name: nr1(counts[name]))

    def _counting(self) -> Iterable[Command]:
        """What was fed and what was drawn, Ah and kWh, and the hours that the box and its output were on."""
        for header, (charge, energy) in (("FETCh", self._fed), ("FETCh:SINK", self._drawn)):
            yield Command(f"{header}:AHOur?", lambda charge=charge: _in("Ah", 3)(charge.total))
            yield Command(f"{header}:WHOur?", lambda energy=energy: _in("kWh", 3)(energy.total / 1000))
        header = "DIAGnostic:INFo:DEVice"
        yield Command(f"{header}:OTIMe?", lambda: _in("h", 2)(self._age.total))
        yield Command(f"{header}:ONTime?", lambda: _in("h", 2)(self._on_time.total))
        yield Command(f"{header}:OFFTime?", lambda: _in("h", 2)(self._age.total - self._on_time.total))

    def _settings(self) -> Iterable[Command]:
        """What only those in remote control may change."""
        panel = self._panel
        yield from self._output()
        for level in panel.levels:
            yield from level.knobs(self._change)
        for header, supervised in panel.supervised.items():
            yield from knob(header, supervised.level)
            yield from knob(f"{header}:ACTion", supervised.action)
        yield from knob("SYSTem:CONFig:MODE", panel.mode, self._change)
        yield from knob(
            "SINK:RESistance[:LEVel]",
            panel.sink_resistance,
            self._change,
            lambda _ohms: require(panel.mode.value == "UIR", -221),
        )
        yield from knob("SYSTem:CONFig:USER:TEXT", self._text, self._name)
        yield from kept({}, KEPT)
        yield from knob("POWer:STAGe:AFTer:REMote", panel.after_remote)
        yield from self.watchdog.knobs("SYSTem:COMMunicate:MONitor:ACTion", "SYSTem:COMMunicate:MONitor:TIMeout")
        yield from knob("SYSTem:COMMunicate:LAN:TIMeout", self._lan_timeout, check=_closable)
        yield from knob("SYSTem:COMMunicate:LAN:KEEPalive", self._lan_kept)

    def _guarded(self, command: Command) -> Command:
        """The same command, refused unless this interface is in control; questions are always answered."""

        def obey(*values: object) -> Answer:
            if self.owner == "REMOTE":
                return command.handler(*values)
            self.status.error(-201 if self._local else -221)
            return None

        return command if command.header.endswith("?") else Command(command.header, obey, *command.parameters)

    def _name(self) -> None:
        """The user's text is the last field of the identity."""
        self.identity = self.identity[: self.identity.rindex(",") + 1] + self._text.value.replace(",", " ")

    def _lock(self, on: bool) -> None:
        if self._local:
            self.status.error(-201)
            return
        leaves, self._remote = self._remote and not on, on
        if leaves and self._panel.after_remote.value == "OFF":
            self._panel.output.cut()
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

    def _offer(self) -> Offer:
        panel = self._panel
        voltage, feed, feed_power, draw, draw_power = (level.level.value for level in panel.levels)
        conductance = 1 / panel.sink_resistance.value if panel.mode.value == "UIR" else math.inf
        return Offer(self.flows, voltage, feed, draw, feed_power, draw_power, conductance=conductance)

    def _show(self) -> None:
        output, on, alarms = self.output, self.flows, self._latch.bits
        owner = {"LOCAL": LOCAL, "REMOTE": REMOTE, "NONE": 0}[self.owner]
        self.status.questionable.update(alarms & ~UNHEARD | owner | OUTPUT_ON * on)
        sinks = on and output.true_amperes < 0
        regulates = output.sink.mode if sinks else output.source.mode
        mode = (CV if regulates in ("CV", "OFF") else CC) * on
        self.status.operation.update(TIMED_OUT * bool(alarms & UNHEARD) | mode | SINKING * sinks)

    # ------------------------------------------------------------------------------------------------ life

    def run(self, message: bytes | str) -> Generator[float, None, str | None]:
        """Run one message of at most five commands and 256 characters; a longer one is refused whole with -223."""
        steps = super().run(message)
        text = message if isinstance(message, str) else message.decode("latin-1")
        if self.silent or (len(text) <= LONGEST_MESSAGE and sum(map(bool, split(text, ";"))) <= MOST_COMMANDS):
            return (yield from steps)
        self.status.error(-223)
        return None

    def tick(self, now: float) -> None:
        """Count what has flowed, then as any box."""
        passed, amperes, watts = now - self.now, self.output.true_amperes, self.output.true_watts
        for sign, counters in ((1, self._fed), (-1, self._drawn)):
            for counter, rate in zip(counters, (amperes, watts), strict=True):
                counter.add(max(0.0, sign * rate), passed)
        self._age.add(1, passed)
        self._on_time.add(self.flows, passed)
        super().tick(now)

    def reset(self) -> None:
        """*RST: remote control, output off, alarms acknowledged, settings at their defaults."""
        self._remote = not self._local
        super().reset()


def _closable(seconds: float) -> None:
    """Refuse a time-out of the LAN between none and the least one."""
    require(seconds == NEVER_CLOSED or seconds >= SOONEST_CLOSED, -222)


def _code(code: int) -> int:
    """The number that EA has for an error of the standard."""
    return code if code in CODES else -100 if code > -200 else -200
