"""A simulated Keysight DAQ970A with DAQM901A (slot 1), DAQM903A (slot 2) and DAQM907A (slot 3).

Channels: 101 to 120 multiplexer, 121 and 122 current, 201 to 220 actuators, 301 and 302 digital ports, 303 totalizer,
304 and 305 analogue outputs. Commands, answers and error codes follow the programming guide and, where that was not at
hand, the one of its predecessor 34970A. FORMat:READing, alarms, scaling and monitoring are not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from functools import partial

from numpy.random import Generator as Rng

from station.twin.instruments.acquisition import Acquisition, Plan
from station.twin.instruments.multifunction import Multifunction
from station.twin.instruments.multimeter import LINE_FREQUENCY, Digitiser, Function
from station.twin.instruments.multiplexer import CURRENT, FUNCTIONS, VOLTAGE, Multiplexer, Probes, fit, fresh
from station.twin.instruments.switching import Relays
from station.twin.scpi import (
    Channels,
    Choice,
    Command,
    Dialect,
    Instrument,
    Optional,
    Quantity,
    Settings,
    Switch,
    Text,
    knob,
    nr1_signed,
    require,
)

ACTUATORS = tuple(range(201, 221))
MULTIFUNCTION = tuple(range(301, 306))
CHANNELS = (*VOLTAGE, *CURRENT, *ACTUATORS, *MULTIFUNCTION)
CARDS = ("DAQM901A", "DAQM903A", "DAQM907A")
MEMORY = 100_000

_SCANNED = (*VOLTAGE, *CURRENT, *MULTIFUNCTION[:3])
_PORT_READING = 0.001
_MEASURING, _AWAITING_TRIGGER = 16, 32


class _SensorType:
    """The kind of thermocouple, RTD or thermistor: a letter or a number, which changes nothing here."""

    def parse(self, text: str) -> str:
        """Take it as it is; raises -104 for anything but letters and digits."""
        require(text.isalnum(), -104)
        return text


class _Trigger(Settings):
    """What CONFigure and *RST put back: when to sweep through the scan list, and how often."""

    def __init__(self) -> None:
        self.source = Choice(("IMMediate", "BUS", "EXTernal", "TIMer", "ALARm1", "ALARm2", "ALARm3", "ALARm4"))
        self.count = Quantity(1, 50_000, 1, decimals=0, words={"INFinity": math.inf})
        self.timer = Quantity(0, 359_999, 10, "S", decimals=3)
        self.delay = Quantity(0, 60, 0, "S", decimals=3)


class DataAcquisition(Instrument):
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
        self.acquisition = Acquisition(self._plan, self._sweep, MEMORY)
        self._serial = serial
        self._scan: tuple[int, ...] = ()
        self._count_and_clear = False
        self._trigger = _Trigger()
        revision = "A.03.02-01.00-03.01-00.02-04-02"
        dialect = Dialect(signed=True, version="1994.0")
        super().__init__(f"Keysight Technologies,DAQ970A,{serial},{revision}", dialect, self._commands())

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
        yield from self._housekeeping()

    def _measuring(self, function: Function) -> Iterable[Command]:
        top, resolution = fresh(function).parameters()
        listed = Channels(CHANNELS, fit(function))
        configure, measure = partial(self._configure, function.name), partial(self._measure, function.name)
        if function.name == "TEMP":
            kinds = Optional(Choice(("DEFault", "TCouple", "RTD", "FRTD", "THERmistor")))
            sensor = (kinds, Optional(_SensorType()), Optional(Quantity(0, 1, 1)))
            yield Command(
                "CONFigure:TEMPerature", lambda *args: configure(None, *args[3:]), *sensor, resolution, listed
            )
            yield Command("MEASure:TEMPerature?", lambda *args: measure(None, *args[3:]), *sensor, resolution, listed)
            return
        yield Command(f"CONFigure:{function.header}", configure, top, resolution, listed)
        yield Command(f"MEASure:{function.header}?", measure, top, resolution, listed)

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
        yield Command("CONFigure:TOTalize", self._configure_counter, Choice(("READ", "RRESet")), counter)

    def _housekeeping(self) -> Iterable[Command]:
        text = Text()
        yield Command("SYSTem:CTYPe?", self._card, Quantity(1, 300, 1))
        yield from knob("INSTrument:DMM[:STATe]", Switch(True))
        yield from knob("DISPlay[:STATe]", Switch(True))
        yield from knob("DISPlay:TEXT[:DATA]", text)
        yield Command("DISPlay:TEXT:CLEar", text.reset)
        every = Optional(Channels(CHANNELS, CHANNELS))
        yield Command("UNIT:TEMPerature", lambda _unit, _channels: None, Choice(("C",)), every)
        yield Command("SYSTem:LFRequency?", lambda: nr1_signed(LINE_FREQUENCY))
        for word in ("LOCal", "REMote", "RWLock", "BEEPer[:IMMediate]"):
            yield Command(f"SYSTem:{word}", lambda: None)

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

    def _configure_counter(self, kind: str, channels: tuple[int, ...]) -> None:
        self._count_and_clear = kind == "RRES"
        self._trigger.reset()
        self._list(channels)

    def _list(self, channels: Iterable[int]) -> None:
        """Set the scan list; channels are measured in the order of their numbers."""
        self.acquisition.abort()
        self._scan = tuple(sorted(set(channels)))

    def _listed(self) -> str:
        block = f"(@{','.join(map(str, self._scan))})"
        return f"#{len(str(len(block)))}{len(block)}{block}"

    def _read(self, channels: tuple[int, ...] | None) -> Generator[float, None, str]:
        if channels is not None:
            self._list(channels)
        return (yield from self.acquisition.read())

    def _card(self, slot: float) -> str:
        number = int(slot) // (100 if slot >= 100 else 1)
        require(number <= len(CARDS), 111)
        return f"Keysight Technologies,{CARDS[number - 1]},{self._serial}-{number},01.00"

    def _plan(self) -> Plan:
        require(bool(self._scan), 113)
        trigger, sweep = self._trigger, sum(map(self._duration, self._scan))
        interval = max(trigger.timer.value, sweep) if trigger.source.value == "TIM" else trigger.delay.value + sweep
        held = trigger.source.value not in ("IMM", "TIM")
        return Plan(1, trigger.count.value, trigger.delay.value + sweep, interval, held)

    def _duration(self, channel: int) -> float:
        return self.multiplexer.duration(channel) if channel in self.multiplexer.channels else _PORT_READING

    def _sweep(self) -> list[float]:
        readings = [self._reading(channel) for channel in self._scan]
        if self._count_and_clear and self.module.counter in self._scan:
            self.module.counts = 0
        return readings

    def _reading(self, channel: int) -> float:
        module = self.multiplexer.measure if channel in self.multiplexer.channels else self.module.sample
        return module(channel)

    def pending(self) -> float:
        """Seconds until the scan is complete."""
        return self.acquisition.remaining

    @property
    def next_due(self) -> float:
        """When the next sweep is complete, in seconds."""
        return self.acquisition.due

    def tick(self, now: float) -> None:
        """Take the sweeps that are due."""
        self.now = now
        self.relays.settle()
        self.acquisition.tick(now)
        measuring = math.isfinite(self.acquisition.due)
        self.status.operation.update(_MEASURING * measuring | _AWAITING_TRIGGER * self.acquisition.waiting)
        super().tick(now)

    def reset(self) -> None:
        """*RST: relays open, ports as inputs, outputs and counter 0, scan list empty, channels at their defaults."""
        self.acquisition.reset()
        self.multiplexer.reset()
        self._trigger.reset()
        self._scan = ()
        self._count_and_clear = False
        self.relays.order(())
        self.module.reset()
