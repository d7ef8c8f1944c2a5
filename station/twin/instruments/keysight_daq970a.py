"""A simulated Keysight DAQ970A with DAQM901A (slot 1), DAQM903A (slot 2) and DAQM907A (slot 3).

Channels: 101 to 120 multiplexer, 121 and 122 current, 201 to 220 actuators, 301 and 302 digital ports, 303 totalizer,
304 and 305 analogue outputs. Commands, answers and error codes follow the programming guide and, where that was not at
hand, the one of its predecessor 34970A. Alarms of digital patterns, and files, are not there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from functools import partial

from numpy.random import Generator as Rng

from station.twin.instruments.acquisition import Acquisition, Plan, block
from station.twin.instruments.alarms import Alarms
from station.twin.instruments.bench_meter import BenchMeter
from station.twin.instruments.kept import kept
from station.twin.instruments.multifunction import Multifunction
from station.twin.instruments.multimeter import TRANSDUCERS, Digitiser, Function, sensor
from station.twin.instruments.multiplexer import CURRENT, FUNCTIONS, VOLTAGE, Multiplexer, Probes, fit, fresh
from station.twin.instruments.readings import Format, History, Reading
from station.twin.instruments.statistics import Statistics
from station.twin.instruments.switching import Relays
from station.twin.scpi import (
    Channels,
    Choice,
    Command,
    Optional,
    Parameter,
    Quantity,
    Settings,
    Switch,
    knob,
    nr1_signed,
    nr3,
    require,
)
from station.twin.scpi.values import short

ACTUATORS = tuple(range(201, 221))
MULTIFUNCTION = tuple(range(301, 306))
CHANNELS = (*VOLTAGE, *CURRENT, *ACTUATORS, *MULTIFUNCTION)
CARDS = ("DAQM901A", "DAQM903A", "DAQM907A")
MEMORY = 100_000

_SCANNED = (*VOLTAGE, *CURRENT, *MULTIFUNCTION[:3])
_PORT_READING = 0.001
PLACES = range(6)
"""For *SAV and *RCL."""


class _Trigger(Settings):
    """What CONFigure and *RST put back: when to sweep through the scan list, and how often."""

    def __init__(self) -> None:
        self.source = Choice(("IMMediate", "BUS", "EXTernal", "TIMer", "ALARm1", "ALARm2", "ALARm3", "ALARm4"))
        self.count = Quantity(1, 50_000, 1, decimals=0, words={"INFinity": math.inf})
        self.timer = Quantity(0, 359_999, 10, "S", decimals=3)
        self.delay = Quantity(0, 60, 0, "S", decimals=3)


class DataAcquisition(BenchMeter[Reading]):
    """The mainframe with its three modules; probes tell what is connected to the channels.

    Besides those of `Instrument`, a fault may change `digitiser`, `relays.stuck`, or what `module` holds. `changed` is
    called whenever `closed`, `outputs` or an analogue output changes.
    """

    def __init__(
        self,
        *,
        serial: str,
        rng: Rng,
        voltages: Probes | None = None,
        resistances: Probes | None = None,
        temperatures: Probes | None = None,
        digital_inputs: Callable[[int], int] = lambda _port: 0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Power up with all relays open, ports as inputs, and an empty scan list. Gain error within half of 35 ppm."""
        self.changed = changed
        self.digitiser = Digitiser(rng, 1.0 + 35e-6 * rng.uniform(-0.5, 0.5), 2e-6 * rng.uniform(-0.5, 0.5))
        ohms = resistances or {}
        probes = {"VOLT": voltages or {}, "RES": ohms, "FRES": ohms, "TEMP": temperatures or {}}
        self.multiplexer = Multiplexer(self.digitiser, probes, CHANNELS, lambda: self._scan)
        self.relays = Relays(CHANNELS, (*VOLTAGE, *CURRENT, *ACTUATORS), lambda: self.changed())
        self.module = Multifunction(301, CHANNELS, digital_inputs, lambda: self.changed())
        self._format = Format()
        self._histories = defaultdict[int, History](lambda: History(Statistics(Switch(True))))
        self._began = 0.0
        self._monitored, self._monitoring = CHANNELS[:1], Switch()
        self._serial = serial
        self._scan: tuple[int, ...] = ()
        self._counting = Choice(("READ", "RRESet"))
        self._advance = Choice(("IMMediate", "BUS", "EXTernal"))
        self.alarms = Alarms(CHANNELS, _SCANNED, _block)
        self._trigger = _Trigger()
        revision = "A.03.02-01.00-03.01-00.02-04-02"
        identity = f"Keysight Technologies,DAQ970A,{serial},{revision}"
        acquisition = Acquisition(self._plan, self._sweep, self._said, MEMORY)
        super().__init__(identity, acquisition, self._commands())

    @property
    def closed(self) -> frozenset[int]:
        """The relays that are really closed."""
        return self.relays.closed

    @property
    def outputs(self) -> dict[int, int]:
        """The bytes of the digital ports that drive."""
        return self.module.outputs

    def _commands(self) -> Iterable[Command]:
        yield from self.acquisition.commands()
        yield from self.relays.commands()
        yield from self.module.commands()
        yield from self.multiplexer.commands()
        for function in FUNCTIONS:
            yield from self._measuring(function)
        yield from self._scanning()
        yield from self._telling()
        yield from self._housekeeping()
        yield from self.alarms.commands()
        yield from self.registers("STATus:ALARm", self.alarms.register)
        yield from self._front_panel(PLACES, self._keep)

    def _measuring(self, function: Function) -> Iterable[Command]:
        top, resolution = fresh(function).parameters()
        listed = Channels(CHANNELS, fit(function))
        configure, measure = partial(self._configure, function.name), partial(self._measure, function.name)
        if function.name == "TEMP":
            yield from self._measuring_temperature(resolution, listed)
            return
        if function.described:
            yield Command(f"CONFigure:{function.header}", partial(configure, None, None), listed)
            yield Command(f"MEASure:{function.header}?", partial(measure, None, None), listed)
            return
        yield Command(f"CONFigure:{function.header}", configure, top, resolution, listed)
        yield Command(f"MEASure:{function.header}?", measure, top, resolution, listed)

    def _measuring_temperature(self, resolution: Parameter, listed: Parameter) -> Iterable[Command]:
        """CONFigure:TEMPerature and MEASure:TEMPerature?, which name the sensor, or have it in their header."""
        kind, *rest = *sensor(), resolution, listed
        yield Command("CONFigure:TEMPerature", self._configure_sensor, kind, *rest)
        yield Command("MEASure:TEMPerature?", self._measure_sensor, kind, *rest)
        for word in TRANSDUCERS:
            yield Command(f"CONFigure:TEMPerature:{word}", partial(self._configure_sensor, short(word)), *rest)
            yield Command(f"MEASure:TEMPerature:{word}?", partial(self._measure_sensor, short(word)), *rest)

    def _configure_sensor(
        self,
        kind: str | None,
        type_: str | None,
        _one: float | None,
        resolution: float | None,
        channels: tuple[int, ...],
    ) -> None:
        self._configure("TEMP", None, resolution, channels)
        self.multiplexer.equip(kind, type_, channels)

    def _measure_sensor(
        self,
        kind: str | None,
        type_: str | None,
        one: float | None,
        resolution: float | None,
        channels: tuple[int, ...],
    ) -> Generator[float, None, str]:
        self._configure_sensor(kind, type_, one, resolution, channels)
        return (yield from self.acquisition.read())

    def _scanning(self) -> Iterable[Command]:
        listed, trigger = Channels(CHANNELS, _SCANNED), self._trigger
        ports, counter = Channels(CHANNELS, self.module.ports), Channels(CHANNELS, (self.module.counter,))
        yield Command("ROUTe:SCAN", self._list, Channels(CHANNELS, _SCANNED, may_be_empty=True))
        yield Command("ROUTe:SCAN?", self._listed)
        yield Command("ROUTe:SCAN:ADD", lambda channels: self._list((*self._scan, *channels)), listed)
        yield Command("ROUTe:SCAN:REMove", lambda channels: self._list(set(self._scan).difference(channels)), listed)
        yield Command("ROUTe:SCAN:SIZE?", lambda: nr1_signed(len(self._scan)))
        yield from knob("TRIGger:SOURce", trigger.source)
        yield from knob("TRIGger:COUNt", trigger.count)
        yield from knob("TRIGger:TIMer", trigger.timer)
        yield from knob("TRIGger:DELay", trigger.delay)
        yield Command("READ?", self._read, Optional(listed))
        yield Command("CONFigure:DIGital[:BYTE]", self._configure_ports, ports)
        yield Command("MEASure:DIGital[:BYTE]?", self._measure_ports, ports)
        yield Command("CONFigure:TOTalize", self._configure_counter, self._counting, counter)
        yield Command("MEASure:TOTalize?", self._measure_counter, self._counting, counter)
        yield Command(
            "[SENSe:]TOTalize:TYPE", lambda kind, _: setattr(self._counting, "value", kind), self._counting, counter
        )
        yield Command("[SENSe:]TOTalize:TYPE?", lambda _: self._counting.value, counter)
        yield from knob("ROUTe:CHANnel:ADVance:SOURce", self._advance)

    def _telling(self) -> Iterable[Command]:
        """What goes with a reading, and what else is known of those of a channel."""
        form, listed = self._format, Optional(Channels(CHANNELS, _SCANNED))
        yield from knob("FORMat:READing:UNIT", form.unit)
        yield from knob("FORMat:READing:TIME", form.time)
        yield from knob("FORMat:READing:TIME:TYPE", form.kind)
        yield from knob("FORMat:READing:CHANnel", form.channel)
        yield from knob("FORMat:READing:ALARm", form.alarm)
        told = tuple(Statistics().told())
        for node in told:
            yield Command(f"CALCulate:AVERage:{node}?", partial(self._counted, (node,)), listed)
        yield Command("CALCulate:AVERage:ALL?", partial(self._counted, told[:4]), listed)
        for node in ("MINimum", "MAXimum"):
            yield Command(f"CALCulate:AVERage:{node}:TIME?", partial(self._extreme, node), listed)
        yield Command("CALCulate:AVERage:CLEar", self._forget, listed)
        yield Command("DATA:LAST?", self._last, Optional(Quantity(1, 1, 1)), listed)
        yield Command("SYSTem:TIME:SCAN?", lambda: self.calendar.moment(self._began))
        yield Command("ROUTe:MONitor[:CHANnel]", self._monitor, Channels(CHANNELS, _SCANNED))
        yield Command("ROUTe:MONitor[:CHANnel]?", lambda: _block(self._monitored))
        yield from knob("ROUTe:MONitor:STATe", self._monitoring)
        yield Command("ROUTe:MONitor:DATA?", self._monitored_now)

    def _of(self, channels: tuple[int, ...] | None) -> list[History]:
        """What is known of the channels named, or of those of the scan list; raises 113 where there are none."""
        chosen = self._scan if channels is None else channels
        require(bool(chosen), 113)
        return [self._histories[channel] for channel in chosen]

    def _counted(self, nodes: tuple[str, ...], channels: tuple[int, ...] | None) -> str:
        return ",".join(nr3(history.statistics.told()[node]()) for history in self._of(channels) for node in nodes)

    def _extreme(self, node: str, channels: tuple[int, ...] | None) -> str:
        """When the lowest or the highest reading of each channel was taken; now, where there is none."""
        found = (history.lowest if node == "MINimum" else history.highest for history in self._of(channels))
        return ",".join(self.calendar.moment(self.now if reading is None else reading.at) for reading in found)

    def _forget(self, channels: tuple[int, ...] | None) -> None:
        for history in self._of(channels):
            history.clear()

    def _last(self, _count: float | None, channels: tuple[int, ...] | None) -> str:
        """The last reading of each channel; raises -230 where there is none."""
        found = self._of(channels)
        taken = [history.last for history in found if history.last is not None]
        require(len(taken) == len(found), -230)
        return ",".join(map(self._said, taken))

    def _monitor(self, channels: tuple[int, ...]) -> None:
        self._monitored = channels[:1]

    def _monitored_now(self) -> str:
        require(self._monitoring.value, -221)
        return self._said(self._reading(self._monitored[0]))

    def _housekeeping(self) -> Iterable[Command]:
        slot = Quantity(1, 300, 1, words={"ALL": 0.0})
        yield Command("SYSTem:CTYPe?", self._card, Quantity(1, 300, 1))
        yield Command("SYSTem:CPON", lambda _slot: self.relays.order(()), slot)
        yield from knob("INSTrument:DMM[:STATe]", Switch(True))
        yield from kept({}, {"FORMat[:DATA]": ("ASCii",), "FORMat:BORDer": ("NORMal", "SWAPped")})
        yield Command("INSTrument:DMM:INSTalled?", lambda: "1")

    def _keep(self) -> Callable[[], None]:
        """For *SAV: scan list, triggers, how each channel measures and how readings are said; relays open."""
        scan, puts = self._scan, (self._trigger.kept(), self._format.kept(), self.multiplexer.kept())

        def recall() -> None:
            self._scan = scan
            for put in puts:
                put()

        return recall

    def _configure(self, name: str, top: float | None, resolution: float | None, channels: tuple[int, ...]) -> None:
        """CONFigure: how the channels measure; they become the scan list, and triggers their defaults."""
        self._trigger.reset()
        self._list(channels)
        self.multiplexer.configure(name, top, resolution, channels)

    def _measure(
        self, name: str, top: float | None, resolution: float | None, channels: tuple[int, ...]
    ) -> Generator[float, None, str]:
        self._configure(name, top, resolution, channels)
        return (yield from self.acquisition.read())

    def _configure_ports(self, ports: tuple[int, ...]) -> None:
        self.module.direct("INP", ports)
        self._trigger.reset()
        self._list(ports)

    def _measure_ports(self, ports: tuple[int, ...]) -> Generator[float, None, str]:
        self._configure_ports(ports)
        return (yield from self.acquisition.read())

    def _count_by(self, kind: str, _channels: tuple[int, ...]) -> None:
        self._counting.value = kind

    def _configure_counter(self, kind: str, channels: tuple[int, ...]) -> None:
        self._counting.value = kind
        self._trigger.reset()
        self._list(channels)

    def _measure_counter(self, kind: str, channels: tuple[int, ...]) -> Generator[float, None, str]:
        self._configure_counter(kind, channels)
        return (yield from self.acquisition.read())

    def _list(self, channels: Iterable[int]) -> None:
        """Set the scan list; channels are measured in the order of their numbers."""
        self.acquisition.abort()
        self._scan = tuple(sorted(set(channels)))

    def _listed(self) -> str:
        return _block(self._scan)

    def _read(self, channels: tuple[int, ...] | None) -> Generator[float, None, str]:
        if channels is not None:
            self._list(channels)
        return (yield from self.acquisition.read())

    def _card(self, slot: float) -> str:
        number = int(slot) // (100 if slot >= 100 else 1)
        require(number <= len(CARDS), 111)
        return f"Keysight Technologies,{CARDS[number - 1]},{self._serial}-{number},01.00"

    def _plan(self) -> Plan:
        """What a scan will do; what is known of its channels begins anew."""
        self._forget(None)
        self._began = self.now
        trigger, sweep = self._trigger, sum(map(self._duration, self._scan))
        interval = max(trigger.timer.value, sweep) if trigger.source.value == "TIM" else trigger.delay.value + sweep
        held = trigger.source.value not in ("IMM", "TIM")
        return Plan(1, trigger.count.value, trigger.delay.value + sweep, interval, held)

    def _duration(self, channel: int) -> float:
        return self.multiplexer.duration(channel) if channel in self.multiplexer.channels else _PORT_READING

    def _sweep(self) -> list[Reading]:
        readings = [self._reading(channel) for channel in self._scan]
        for reading in readings:
            self._histories[reading.channel].take(reading)
            described = f"{nr3(reading.value)} {reading.unit},{self.calendar.moment(reading.at)}"
            self.alarms.take(reading.channel, reading.alarm, described)
        if self._counting.value == "RRES" and self.module.counter in self._scan:
            self.module.counts = 0
        return readings

    def _reading(self, channel: int) -> Reading:
        if channel in self.multiplexer.channels:
            value, unit, alarm = self.multiplexer.measure(channel)
        else:
            value, unit, alarm = self.module.sample(channel), "", 0
        return Reading(value, unit, self.now - self._began, self.now, channel, alarm)

    def _said(self, reading: Reading) -> str:
        return self._format.say(reading, self.calendar)

    def tick(self, now: float) -> None:
        """Notice relays that moved on their own, and take the sweeps that are due."""
        self.relays.settle()
        super().tick(now)

    def reset(self) -> None:
        """*RST: relays open, ports as inputs, outputs and counter 0, scan list empty, channels at their defaults."""
        self.acquisition.reset()
        self.multiplexer.reset()
        self._trigger.reset()
        self._format.reset()
        self._histories.clear()
        self._scan = ()
        for setting in (self._counting, self._advance, self.alarms):
            setting.reset()
        self.relays.order(())
        self.module.reset()


def _block(channels: Iterable[int]) -> str:
    """A channel list as a block of definite length."""
    return block(f"(@{','.join(map(str, channels))})")
