"""Letting current flow: the way in, what is watched while it flows, and the way out.

Load and supply share one contactor. It closes only after polarity, voltage and identity are known, at no current, and
for charging only when the supply's voltage matches the pack's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Literal

from station.actions.blame import (
    NOTHING,
    see_that_ammeters_agree,
    see_that_bench_is_whole,
    see_that_the_load_asks_for_it,
    see_that_the_pack_blocks,
)
from station.actions.errors import BenchFault, EnvelopeExceeded, PackUnfit
from station.actions.stage import BEFORE_CURRENT, Flow, Stage
from station.bms.errors import PackSilent
from station.instruments.roles import Load, LoadReading, Supply, SupplyReading
from station.model.direction import Direction
from station.model.events import OutputChanging
from station.model.limits import Range, parse_range
from station.model.pack import Pack
from station.model.quantity import Quantity
from station.model.record import Channel

MATCHED = 0.5
"""Volts by which supply and pack may differ when the contactor closes."""
CURRENT = "current"
"""Under which it is known when a current last flowed."""
WATCH_EVERY = 0.1
"""Seconds between samples of voltage and current while something is energised."""
TEMPERATURE_EVERY = 5.0
"""Seconds that a reading of the cells' temperatures holds: 100 A warm them by 3 mK each second (147 W, 45 kJ/K)."""
WARMS_NOTHING = 5.0
"""Amperes up to which nobody need ask: they turn into 0.4 W, and a pack that is off does not answer."""


@dataclass(slots=True)
class Trace:
    """Samples of one value against the run's clock."""

    t: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, at: float, value: float) -> None:
        """Keep a sample."""
        self.t.append(round(at, 6))
        self.values.append(value)

    def channel(self, name: str, unit: str) -> Channel:
        """As a line of a waveform."""
        return Channel(name=name, unit=unit, t_s=tuple(self.t), values=tuple(self.values))


def connect(stage: Stage) -> None:
    """Close the contactor at no current; raises BenchFault while polarity, voltage and identity are not known."""
    if stage.wiring.is_on("contactor"):
        return
    unknown = sorted(BEFORE_CURRENT - stage.found.known)
    if unknown:
        raise BenchFault(f"the contactor stays open: {', '.join(unknown)} of the pack not seen to be good in this run")
    stage.watchdogs.begin()
    _announce(stage, "contactor", "closed")
    stage.wiring.switched("contactor", True)


def disconnect(stage: Stage) -> None:
    """Open the contactor; the outputs are off by then."""
    stage.wiring.switched("contactor", False)


def _announce(stage: Stage, role: str, setting: str) -> None:
    stage.emit(OutputChanging(at_s=stage.at_s, role=role, setting=setting))
    stage.found.energised = True


def _nobody(_: float) -> None:
    """Nobody wants to know."""


@contextmanager
def flowing(
    stage: Stage, direction: Direction, amperes: float, seen: Callable[[float], None] = _nobody
) -> Iterator[None]:
    """Current of `amperes` flows while the block runs, watched against the envelope; off again on every way out.

    A current that flows already rests meanwhile, and goes on afterwards as before. `seen` is told how much flows, in A,
    each time that the watch looks.
    """
    check_envelope(stage, direction, amperes)
    with _resting(stage, direction), _flow(stage, Flow(direction, amperes)) as flow:
        switched = _loaded if direction == "discharge" else _supplied
        with (
            switched(stage, amperes),
            stage.watching(WATCH_EVERY, partial(_watch, stage, flow, seen)),
            _cells_watched(stage, direction, amperes),
        ):
            yield


@contextmanager
def _resting(stage: Stage, direction: Direction) -> Iterator[None]:
    """What flows already is off while another current flows in a direction, and on again after it."""
    flow = stage.flow
    if flow is None:
        yield
        return
    driver = stage.bench.driver(flow.direction)
    driver.off()
    yield
    if flow.direction == direction:
        driver.set_current(flow.amperes)
    flow.seen, flow.since = False, math.inf
    driver.on()


def cut(stage: Stage) -> None:
    """Switch off what flows, for good: for a run that ends here, whoever still waits for that current."""
    if stage.flow is not None:
        stage.bench.driver(stage.flow.direction).off()
        stage.flow = None


@contextmanager
def _flow(stage: Stage, flow: Flow) -> Iterator[Flow]:
    before, stage.flow = stage.flow, flow
    try:
        yield flow
    finally:
        stage.flow = before
        stage.found.moments[CURRENT] = stage.clock.now()


def check_envelope(stage: Stage, direction: Direction, amperes: float) -> None:
    """Raise EnvelopeExceeded if the bench file does not allow that current, or its power at the highest voltage."""
    envelope = stage.bench.bench.envelope
    if amperes > (allowed := envelope.current(direction)).si:
        raise EnvelopeExceeded(
            f"{amperes:.1f} A of {direction} current are outside the envelope of the bench ({allowed})"
        )
    if (watts := amperes * _ceiling(stage)) > (most := envelope.power(direction)).si:
        raise EnvelopeExceeded(f"{watts:.0f} W of {direction} are outside the envelope of the bench ({most})")


@contextmanager
def _energised(stage: Stage, role: Literal["supply", "load"]) -> Iterator[None]:
    """What was prepared is on while the block runs, with its watchdog armed; off again on every way out."""
    instrument: Supply | Load = stage.bench.load if role == "load" else stage.bench.supply
    armed = stage.watchdogs.arm(role)
    try:
        instrument.on()
        yield
    finally:
        with stage.scopes.enter(f"{role} off", 5, shielded=True):
            instrument.off()
            if armed:
                stage.watchdogs.disarm(role)


@contextmanager
def _loaded(stage: Stage, amperes: float) -> Iterator[None]:
    load, envelope = stage.bench.load, stage.bench.bench.envelope
    connect(stage)
    load.prepare(envelope.discharge_current.si, envelope.power("discharge").si)
    load.set_current(amperes)
    _announce(stage, "load", f"{amperes:.6g} A")
    with _energised(stage, "load"):
        yield


@contextmanager
def _supplied(stage: Stage, amperes: float) -> Iterator[None]:
    supply, envelope, ceiling = stage.bench.supply, stage.bench.bench.envelope, _ceiling(stage)
    disconnect(stage)
    pack_volts = stage.bench.voltmeter.voltage()
    supply.prepare(
        voltage=pack_volts, current=amperes, over_voltage=envelope.voltage.si, over_current=envelope.charge_current.si
    )
    _announce(stage, "supply", f"{amperes:.6g} A, at most {ceiling:.6g} V")
    with _energised(stage, "supply"):
        if not stage.wait(lambda: abs(stage.wiring.volts("supply_side") - pack_volts) <= MATCHED, within=2.0):
            raise BenchFault(f"the supply does not reach the pack's {pack_volts:.2f} V, so the contactor stays open")
        connect(stage)
        supply.set_voltage(ceiling)
        yield


@contextmanager
def supply_alone(stage: Stage, volts: float, amperes: float) -> Iterator[None]:
    """The supply is on behind the open contactor while the block runs, at `volts` and with `amperes` as its limit."""
    supply, envelope = stage.bench.supply, stage.bench.bench.envelope
    disconnect(stage)
    supply.prepare(
        voltage=volts, current=amperes, over_voltage=envelope.voltage.si, over_current=envelope.charge_current.si
    )
    _announce(stage, "supply", f"{volts:.6g} V, not connected")
    with _energised(stage, "supply"):
        stage.wait(lambda: abs(stage.wiring.volts("supply_side") - volts) <= MATCHED, within=2.0)
        yield


def _ceiling(stage: Stage) -> float:
    value = stage.pack.ceiling["terminal_voltage"]
    assert not isinstance(value, tuple)
    return min(value.si, stage.bench.bench.envelope.voltage.si)


def _watch(stage: Stage, flow: Flow, seen: Callable[[float], None]) -> None:
    """Hold what flows against the envelope, count it, and find out why it stopped if it did; not while it rests."""
    if stage.flow is not flow:
        return
    charges = flow.direction == "charge"
    reading = stage.bench.supply.reading() if charges else stage.bench.load.reading()
    _hold_against(stage, flow.direction, reading)
    if charges:
        stage.found.charged += reading.current * WATCH_EVERY
    else:
        stage.found.drawn += reading.current * WATCH_EVERY
    stopped = flow.seen and reading.on and reading.current < NOTHING
    flow.seen = reading.current >= NOTHING
    flow.since = min(flow.since, stage.clock.now()) if flow.seen else math.inf
    if stopped and flow.may_stop:
        see_that_bench_is_whole(stage)
    elif stopped:
        _judge_stop(stage, flow.direction)
    seen(reading.current)


def _judge_stop(stage: Stage, direction: Direction) -> None:
    """A current that stopped unasked and stays away, with the bench whole, is the pack's doing.

    Raises BenchFault for one that flows again by now: that may as well have been a lead. Raises PackUnfit for a pack
    that is silent, too, on a line that proves good: a board that starts anew soon answers again.
    """
    see_that_the_pack_blocks(stage, direction)
    again = stage.bench.driver(direction).current()
    if again >= NOTHING:
        raise BenchFault(f"the {direction} stopped for a moment and flows again: see leads, clamps and contactor")
    found = f"the {direction} stopped by itself, and the bench is whole: the pack interrupted it, and"
    try:
        flags = ", ".join(sorted(stage.readings(fresh=True).protection)) or "no protection"
    except PackSilent:
        if not stage.port.own_line_works():
            raise
        raise PackUnfit(f"{found} is silent: its board has started anew, or lost its supply") from None
    reason = f"{found} says {flags}"
    stage.expect(f"{direction}_kept", "stopped", "flows", reason, witness="instrument")


def _hold_against(stage: Stage, direction: Direction, reading: SupplyReading | LoadReading) -> None:
    """Raise BenchFault for an instrument that tripped, EnvelopeExceeded for a value that the bench does not allow."""
    envelope, volts, amperes = stage.bench.bench.envelope, reading.voltage, reading.current
    if reading.tripped:
        role = "supply" if direction == "charge" else "load"
        raise BenchFault(f"the {role} switched itself off: {reading.tripped}")
    beyond = amperes > envelope.current(direction).si or volts > envelope.voltage.si
    if beyond or volts * amperes > envelope.power(direction).si:
        raise EnvelopeExceeded(f"{amperes:.1f} A at {volts:.1f} V are outside the envelope of the bench")


@contextmanager
def _cells_watched(stage: Stage, direction: Direction, amperes: float) -> Iterator[None]:
    """Hold the cells against the rating of the pack while a current flows that can warm them (REQ-4.1-12)."""
    row = stage.pack.limits.get(f"{direction}_temperature")
    if row is None or amperes <= WARMS_NOTHING:
        yield
        return
    with stage.watching(TEMPERATURE_EVERY, lambda: _hold_temperature(stage, direction, row.rated or row.is_)):
        yield


def _hold_temperature(stage: Stage, direction: Direction, allowed: Range) -> None:
    """Raise EnvelopeExceeded if the cells are too warm or too cold for this current, as the pack's own sensors say, and
    PackUnfit if one of them is: a room warms all of them alike. Nothing is asked while no current is to flow.
    """
    if stage.flow is None:
        return
    readings = stage.readings(hold=TEMPERATURE_EVERY)
    celsius = readings.cell_temperatures
    worst = next((each for each in celsius if not allowed.contains(each)), None)
    if worst is None:
        return
    found = f"a cell has {worst:.1f} degC, and a {direction} needs {allowed}"
    if not readings.sensors_agree:
        raise PackUnfit(f"{found}; another has {median(celsius):.1f} degC: a cell or its sensor is bad")
    raise EnvelopeExceeded(found)


def is_full(stage: Stage) -> bool:
    """Whether a cell has reached the voltage at which any charge ends (pack file, `ceiling`; REQ-4.1-08)."""
    value = stage.pack.ceiling.get("highest_cell")
    return isinstance(value, Quantity) and max(stage.readings().cell_voltages) >= value.si


def settle(stage: Stage, direction: Direction, amperes: float, within: float = 3.0) -> bool:
    """Wait until the witness sees the current that was asked for, within 5 %; says whether it came.

    False is the pack's doing: whatever else can have kept the current away raises BenchFault, and so do ammeters of the
    bench that do not agree about a current that came.
    """

    def there() -> bool:
        current = stage.bench.load.current() if direction == "discharge" else stage.bench.supply.current()
        return abs(current - amperes) <= 0.05 * amperes

    if not stage.wait(there, within=within):
        see_that_the_pack_blocks(stage, direction)
        if direction == "discharge":
            see_that_the_load_asks_for_it(stage)
        return False
    see_that_ammeters_agree(stage, direction)
    return True


# ------------------------------------------------------------------------------------------------ the actions

UNTIL_AT_MOST = Quantity(900.0, "s")
"""After which a condition that a current flows for is given up, where the pack file does not say (`reacts_within`)."""

PARTS: Mapping[str, Callable[[Stage, str], bool]] = {
    "charge_drawn": lambda stage, text: parse_range(text.removesuffix(" of capacity")).contains(_drawn(stage)),
    "rested": lambda stage, text: parse_range(text).contains(_rested(stage)),
    "pack_voltage": lambda stage, text: parse_range(text).contains(stage.readings().pack_voltage),
    "lowest_cell": lambda stage, text: parse_range(text).contains(min(stage.readings().cell_voltages)),
    "highest_cell": lambda stage, text: parse_range(text).contains(max(stage.readings().cell_voltages)),
    "mosfet": lambda stage, text: parse_range(text).contains(stage.readings().mosfet_temperature),
    "warning_flags": lambda stage, text: not stage.readings().warning,
}
"""What a condition of the pack file can be made of; all its parts must hold."""


def _drawn(stage: Stage) -> float:
    """Percent of its capacity that this run has drawn from the pack and not put back."""
    return 100 * (stage.found.drawn - stage.found.charged) / 3600 / stage.pack.rated["capacity"].si


def _rested(stage: Stage) -> float:
    """Seconds since the station last let a current flow; infinite where it never did."""
    return 0.0 if stage.flow else stage.clock.now() - stage.found.moments.get(CURRENT, -math.inf)


def condition_holds(stage: Stage, name: str) -> bool:
    """Whether every part of a condition of the pack file holds."""
    parts = stage.pack.conditions[name].items()
    return all(PARTS[part](stage, text) for part, text in parts if part != "proves" and isinstance(text, str))


def flow(stage: Stage, direction: Direction) -> None:
    """The actions `discharge` and `charge`: let a current flow until a condition holds or for a time, and see that it
    came.
    """
    step = stage.step
    amperes = stage.current((step.discharge if direction == "discharge" else step.charge) or "")
    with flowing(stage, direction, amperes):
        came = settle(stage, direction, amperes)
        reason = f"{amperes:g} A were asked for and did not flow: the pack does not {direction}"
        stage.expect(
            f"{direction}_current", "flows" if came else "does not flow", "flows", reason, witness="instrument"
        )
        if not came:
            return
        stage.meanwhile()
        if step.until is not None:
            within = given_up_after(stage.pack, step.until)
            ended = _until(stage, direction, step.until, within.si)
            unreached = "" if ended else _unreached(stage, step.until, within)
            if ended or stage.remedy:
                state = "reached" if ended else "not reached"
                stage.expect(step.until, state, "reached", unreached, witness="instrument")
            else:
                stage.not_tested(step.until, unreached)
        else:
            stage.pause(stage.pack.times[step.for_ or ""].high or 0.0)


def _unreached(stage: Stage, condition: str, within: Quantity) -> str:
    """Why a condition that did not come is no verdict on a pack that took its current all the while."""
    parts = stage.pack.conditions[condition].items()
    names = " and ".join(
        f"{part.replace('_', ' ')} {text}"
        for part, text in parts
        if part != "proves" and isinstance(text, str) and not PARTS[part](stage, text)
    )
    return f"{names or condition} not reached within {within}, or before a cell was full"


def given_up_after(pack: Pack, condition: str) -> Quantity:
    """The time after which a condition that a current flows for is given up."""
    return pack.reacts_within.get(condition, UNTIL_AT_MOST)


def _until(stage: Stage, direction: Direction, condition: str, within: float) -> bool:
    """Wait for a condition; a charge ends, at the latest, when a cell is full. Says whether it came."""
    ended: list[bool] = []

    def over() -> bool:
        ended[:] = [condition_holds(stage, condition)]
        return ended[0] or (direction == "charge" and is_full(stage))

    stage.wait(over, within=within, every=0.5)
    return ended[0]
