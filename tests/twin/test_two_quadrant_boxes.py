"""One box as supply and as load: its two drivers, against the simulated box, in a circuit with a battery."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from station.instruments import DRIVERS
from station.instruments.errors import RoleError, Tripped
from station.instruments.roles import Load, Supply, Watchdog
from station.twin.circuit import Branch, Circuit, Contactor, Found
from station.twin.instruments import MODELS, EaPsb10000, ItechIt6000C, KeysightRp7900
from station.twin.terminals import SinkTerminals, SourceTerminals
from station.wires.errors import NoAnswer

Box = EaPsb10000 | ItechIt6000C | KeysightRp7900
BOXES: dict[str, type[Box]] = {
    "ea-psb-10080-340": EaPsb10000,
    "itech-it6010c-80-300": ItechIt6000C,
    "keysight-rp7935a": KeysightRp7900,
}


@dataclass
class Desk:
    """A box and a battery of 52 V behind 10 mOhm; each message takes 5 ms, and time moves in steps of 1 ms."""

    box: Box
    source: SourceTerminals
    sink: SinkTerminals
    emf: float = 52.0
    circuit: Circuit = field(
        default_factory=lambda: Circuit(
            supply_contactor=Contactor(closed=True), load_contactor=Contactor(closed=True), supply_lead=1e-3
        )
    )
    now: float = 0.0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.found: Found
        self.wait(0.01)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 1000)):
            self.now += 0.001
            self.found = self.circuit.solve(Branch(self.emf, 10e-3), self.source, self.sink, 0.001)
            self.box.tick(self.now)

    def query(self, text: str, timeout: float) -> str:
        reply = None
        for line in text.split("\n"):
            self.asked.append(line)
            self.wait(0.005)
            reply = self.box.execute(line)
        if reply is None:
            raise NoAnswer(f"no reply within {timeout} s")
        return reply

    def reopen(self) -> None:
        """Nothing was opened."""


def desk(model: str) -> Desk:
    """A box without errors of its own."""
    source, sink = SourceTerminals(), SinkTerminals()
    box = BOXES[model](serial="SN0001", rng=np.random.default_rng(5), source=source, sink=sink)
    for meter in (box.output.voltmeter, box.output.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    return Desk(box, source, sink)


@dataclass
class Both:
    """The two drivers of one box, over one wire."""

    desk: Desk
    supply: Supply
    load: Load

    def charge(self, amperes: float = 50.0) -> None:
        self.supply.prepare(54.0, amperes, 57.0, 95.0)
        self.supply.on()
        self.desk.wait(0.1)

    def discharge(self, amperes: float = 130.0) -> None:
        self.load.prepare(150.0, 9000.0)
        self.load.on()
        self.load.set_current(amperes)
        self.desk.wait(0.1)


@pytest.fixture(params=BOXES)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def both(model: str) -> Both:
    made = desk(model)
    drivers = {role: DRIVERS[model](made, role) for role in ("supply", "load")}
    return Both(made, cast("Supply", drivers["supply"]), cast("Load", drivers["load"]))


def near(value: float) -> object:
    """What a box may read for `value`: it says currents to 0.1 A at worst."""
    return pytest.approx(value, abs=0.06)


# ------------------------------------------------------------------------------------------------ registers and names


def test_every_box_is_registered_on_both_sides_and_is_the_model_that_a_bench_file_names(model: str, both: Both) -> None:
    assert MODELS[model] is BOXES[model]
    found = both.supply.identify()
    assert found.model.lower() in model
    assert found.serial_number == "SN0001"
    assert both.load.identify() == found


def test_every_box_reaches_what_the_pack_needs(both: Both) -> None:
    for driver in (both.supply, both.load):
        assert driver.ratings.current >= 150
        assert driver.ratings.voltage >= 60
        assert driver.ratings.power >= 8000


# ------------------------------------------------------------------------------------------------ one role at a time


def test_a_supply_charges_with_the_current_that_it_is_set_to(both: Both) -> None:
    both.supply.prepare(54.0, 50.0, 57.0, 95.0)
    assert both.supply.reading().mode == "OFF"
    both.supply.on()
    both.desk.wait(0.1)
    reading = both.supply.reading()
    assert (reading.mode, reading.on, reading.tripped) == ("CC", True, "")
    assert reading.current == near(50.0)
    assert both.desk.found.current == near(50.0)
    both.supply.set_current(20.0)
    both.desk.wait(0.1)
    assert both.supply.current() == near(20.0)
    both.supply.off()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(0.0)
    assert not both.supply.reading().on


def test_a_supply_holds_its_voltage_when_the_current_is_less_than_allowed(both: Both) -> None:
    both.supply.prepare(52.5, 90.0, 57.0, 95.0)
    both.supply.on()
    both.desk.wait(0.1)
    reading = both.supply.reading()
    assert reading.mode == "CV"
    assert reading.voltage == pytest.approx(52.5, abs=0.011)
    assert 0 < reading.current < 90


def test_a_supply_never_draws_when_the_pack_is_above_it(both: Both) -> None:
    both.supply.prepare(50.0, 90.0, 57.0, 95.0)
    both.supply.on()
    both.desk.wait(0.2)
    assert both.desk.found.current == near(0.0)
    assert both.supply.current() == 0.0


def test_a_load_draws_with_the_current_that_it_is_set_to(both: Both) -> None:
    both.load.prepare(150.0, 9000.0)
    both.load.on()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(0.0)
    both.load.set_current(130.0)
    both.desk.wait(0.1)
    reading = both.load.reading()
    assert (reading.on, reading.tripped) == (True, "")
    assert reading.current == near(130.0)
    assert both.load.current() == near(130.0)
    assert both.desk.found.current == near(-130.0)
    both.load.off()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(0.0)
    assert not both.load.reading().on


def test_a_load_draws_nothing_below_the_voltage_at_which_it_starts(both: Both) -> None:
    both.load.prepare(150.0, 9000.0, starts_at=53.0)
    both.load.on()
    both.load.set_current(50.0)
    both.desk.wait(0.2)
    assert both.desk.found.current == near(0.0)


def test_nothing_flows_before_the_contactor_closes_and_no_more_than_set_at_once(both: Both) -> None:
    both.desk.circuit.main.closed = False
    both.discharge(130.0)
    assert both.desk.found.current == 0.0
    both.desk.circuit.main.closed = True
    for _ in range(100):
        both.desk.wait(0.001)
        assert both.desk.found.current >= -130.1
    assert both.desk.found.current == near(-130.0)


# ------------------------------------------------------------------------------------------------ two roles, one box


def test_the_roles_take_turns_and_each_finds_its_own_settings_again(both: Both) -> None:
    both.discharge(100.0)
    assert both.supply.current() == 0.0
    both.load.off()
    both.charge(20.0)
    assert both.desk.found.current == near(20.0)
    assert both.load.current() == 0.0
    both.supply.off()
    both.load.on()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(-100.0)
    both.load.off()
    both.supply.on()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(20.0)


def test_either_role_switches_the_box_off(both: Both) -> None:
    both.charge()
    both.load.off()
    both.desk.wait(0.1)
    assert both.desk.found.current == near(0.0)
    assert not both.supply.reading().on


def test_no_role_is_switched_on_before_it_was_prepared(both: Both) -> None:
    both.discharge()
    both.load.off()
    with pytest.raises(RoleError, match="supply: `prepare` it"):
        both.supply.on()
    assert not both.desk.source.on


# ------------------------------------------------------------------------------------------------ trips


def test_a_tripped_supply_is_told_refused_and_cleared(both: Both) -> None:
    both.desk.circuit.lead_open = True
    both.supply.prepare(54.0, 50.0, 53.0, 95.0)
    with suppress(Tripped):
        both.supply.on()
    both.desk.wait(0.1)
    reading = both.supply.reading()
    assert (reading.on, reading.tripped) == (False, "over-voltage")
    assert both.load.reading().tripped == "over-voltage"
    for attempt in (both.supply.on, lambda: both.supply.prepare(54.0, 50.0, 57.0, 95.0)):
        with pytest.raises(Tripped, match=r"supply: .*over-voltage"):
            attempt()
    assert both.supply.clear() == "over-voltage"
    both.desk.wait(0.1)
    assert not both.supply.reading().on
    assert not both.desk.source.on
    assert both.supply.clear() == ""
    both.charge()


def test_a_load_beyond_its_limit_is_cut_or_never_set(both: Both) -> None:
    both.load.prepare(100.0, 9000.0)
    both.load.on()
    if isinstance(both.desk.box, KeysightRp7900):
        with pytest.raises(ValueError, match="100 A it was prepared for"):
            both.load.set_current(120.0)
        assert both.desk.found.current == near(0.0)
        return
    both.load.set_current(120.0)
    both.desk.wait(0.1)
    assert both.desk.found.current == near(0.0)
    assert both.load.reading().tripped == "over-current"


# ------------------------------------------------------------------------------------------------ watchdogs


def test_a_watchdog_that_is_not_fed_switches_off_and_says_so(both: Both) -> None:
    watchdog = both.load
    assert isinstance(watchdog, Watchdog)
    both.discharge(50.0)
    watchdog.watchdog(2.0)
    for _ in range(6):
        both.desk.wait(1.0)
        watchdog.feed()
    assert both.desk.found.current == near(-50.0)
    both.desk.wait(1.9)
    assert both.desk.found.current == near(-50.0)
    both.desk.wait(0.2)
    assert both.desk.found.current == near(0.0)
    with pytest.raises(Tripped, match=r"watchdog|communication time-out"):
        watchdog.feed()
    assert both.load.clear() in ("watchdog", "communication time-out")
    both.load.on()


def test_the_world_learns_when_a_watchdog_will_bite(both: Both) -> None:
    assert isinstance(both.supply, Watchdog)
    both.charge()
    assert both.desk.box.next_due == math.inf
    both.supply.watchdog(5.0)
    assert both.desk.box.next_due == pytest.approx(both.desk.now + 5.0)
    both.supply.off()
    assert both.desk.box.next_due == math.inf


def test_a_watchdog_can_be_disarmed(both: Both) -> None:
    assert isinstance(both.supply, Watchdog)
    both.charge()
    both.supply.watchdog(1.0)
    both.supply.watchdog(0.0)
    both.desk.wait(3.0)
    assert both.desk.found.current == near(50.0)


def test_a_box_that_hears_nothing_is_not_fed(both: Both) -> None:
    assert isinstance(both.supply, Watchdog)
    both.charge()
    both.supply.watchdog(1.0)
    both.desk.box.silent = True
    for _ in range(3):
        both.desk.wait(0.4)
        with pytest.raises(NoAnswer):
            both.desk.query("*IDN?", 1.0)
    assert both.desk.found.current == near(0.0)


# ------------------------------------------------------------------------------------------------ faults


def test_a_wrong_gain_shows_in_the_true_current_and_not_in_the_reading(both: Both) -> None:
    both.desk.box.gain = 1.05
    both.discharge(84.0)
    assert both.desk.found.current == pytest.approx(-80.0, abs=0.05)
    assert both.load.current() == near(84.0)


def test_a_drawn_current_gives_way_to_the_voltage_and_takes_over_again(model: str) -> None:
    place = desk(model)
    say, low = {
        "ea-psb-10080-340": (("SYST:LOCK ON", "VOLT 51", "SINK:CURR 130", "OUTP ON"), "VOLT 51.9"),
        "itech-it6010c-80-300": (("VOLT 51", "CURR:LIM:NEG -130", "OUTP ON"), "VOLT 51.9"),
        "keysight-rp7935a": (("VOLT 51", "CURR:LIM 0", "CURR:LIM:NEG -130", "OUTP ON"), "VOLT 51.9"),
    }[model]
    for message in say:
        place.box.execute(message)
    place.wait(0.2)
    modes = [place.sink.mode]
    assert -130 < place.found.current < -20
    place.emf = 54.0
    place.wait(0.2)
    modes.append(place.sink.mode)
    assert modes == ["CV", "CC"]
    assert place.found.current == near(-130.0)
    place.emf = 52.0
    place.box.execute(low)
    place.wait(0.2)
    assert -20 < place.found.current < 0
    place.emf = 50.0
    place.wait(0.2)
    assert not place.sink.on
    assert place.found.current == near(0.0)


# ------------------------------------------------------------------------------------------------ remote sense

REMOTE = {
    "itech-it6010c-80-300": ("REM:SENS ON", "REM:SENS OFF", "VOLT 52.6;:CURR:LIM 100;:CURR:LIM:NEG -100;:OUTP ON"),
    "keysight-rp7935a": ("VOLT:SENS EXT", "VOLT:SENS INT", "VOLT 52.6;:CURR:LIM 100;:CURR:LIM:NEG -100;:OUTP ON"),
}


def held(model: str, message: str, volts: float) -> Desk:
    """A desk whose box, told this first, has held a voltage for a while."""
    place = desk(model)
    for each in (message, REMOTE[model][2].replace("52.6", str(volts))):
        place.box.execute(each)
    place.wait(0.2)
    return place


@pytest.mark.parametrize("model", REMOTE)
@pytest.mark.parametrize("volts", [52.6, 51.4], ids=["feeding", "drawing"])
def test_with_remote_sense_the_voltage_is_held_and_measured_at_the_posts_of_the_pack(model: str, volts: float) -> None:
    place = held(model, REMOTE[model][0], volts)
    assert abs(place.found.current) > 20
    assert place.found.terminal_voltage == pytest.approx(volts, abs=1e-3)
    assert float(place.box.execute("MEAS:VOLT?") or 0) == pytest.approx(volts, abs=5e-3)


@pytest.mark.parametrize("model", REMOTE)
def test_without_it_the_leads_take_their_part(model: str) -> None:
    place = held(model, REMOTE[model][1], 52.6)
    assert place.found.supply_voltage == pytest.approx(52.6, abs=1e-3)
    assert place.found.terminal_voltage < 52.5


@pytest.mark.parametrize("model", REMOTE)
def test_leads_that_lie_elsewhere_are_made_up_for_to_a_bound(model: str) -> None:
    place = desk(model)
    place.circuit.main.closed = False
    for message in (REMOTE[model][0], REMOTE[model][2]):
        place.box.execute(message)
    place.wait(1.0)
    assert place.found.supply_voltage == pytest.approx(52.6 + 5.0, abs=0.01)
