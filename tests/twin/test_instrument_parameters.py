"""What a fault file can do to the instruments of the bench, and what their users then see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from instrument_makers import MAKERS, Box, load

from station.clock import VirtualClock
from station.model.bench import Bench, InstrumentEntry, WiredEntry
from station.model.library import Library
from station.run.plan import Files
from station.twin.instruments import ChromaLoad, ChromaSupply
from station.twin.instruments.powered import PoweredInstrument
from station.twin.parameters import UnknownParameter, assign, value_at
from station.twin.states import read_state
from station.twin.world import Twin

POWERED = tuple(model for model, make in MAKERS.items() if isinstance(make(), PoweredInstrument))
BOXES = ("ea-psb-10080-340", "itech-it6010c-80-300", "keysight-rp7935a")
Powered = ChromaSupply | ChromaLoad | Box
FILES = Files(Library.default())


def bench(box: str | None) -> Bench:
    """The simulated bench, or the same with one box as supply and load."""
    plain = FILES.bench("simulated")
    supply = plain.shared["supply"]
    if box is None or not isinstance(supply, InstrumentEntry):
        return plain
    both = {"supply": supply.model_copy(update={"model": box}), "load": WiredEntry(by="supply")}
    return plain.model_copy(update={"shared": both})


@contextmanager
def made(box: str | None) -> Iterator[Twin]:
    """A whole bench that is never served."""
    pack, state = FILES.pack("bali48"), read_state("factory_fresh")
    twin = Twin(bench(box), pack, FILES.protocol(pack), state, VirtualClock(), serial_number="")
    yield twin
    twin.stop()


@pytest.fixture
def twin() -> Iterator[Twin]:
    with made(None) as twin:
        yield twin


@pytest.fixture(scope="module", params=[None, *BOXES], ids=lambda box: box or "supply and load")
def any_bench(request: pytest.FixtureRequest) -> Iterator[Twin]:
    with made(request.param) as twin:
        yield twin


def ask(twin: Twin, role: str, message: str) -> str:
    """What the instrument of a role answers now."""
    reply = twin.instruments[role].execute(message)
    assert reply is not None, message
    return reply


@pytest.mark.parametrize("role", ["supply", "load"])
@pytest.mark.parametrize(
    "name",
    [
        *("gain", "offset", "response_time", "voltmeter.gain", "voltmeter.offset", "voltmeter.set_gain"),
        *("ammeter.gain", "ammeter.offset", "ammeter.noise", "ammeter.set_gain", "ammeter.set_offset"),
    ],
)
def test_every_supply_and_load_has_the_same_names(any_bench: Twin, role: str, name: str) -> None:
    before = value_at(any_bench, f"{role}.{name}")
    put_back = assign(any_bench, f"{role}.{name}", "plus 0.5")
    assert value_at(any_bench, f"{role}.{name}") == pytest.approx(before + 0.5)  # type: ignore[operator]  # a number
    put_back()


def test_a_quantity_of_another_kind_is_refused(twin: Twin) -> None:
    with pytest.raises(UnknownParameter, match=r"load\.offset"):
        twin.set("load.offset", "3 V")


SWITCHES = {
    "chroma-62050p-100-100": ("CONF:OUTP ON", "OUTP:PROT:CLE"),
    "chroma-63210a-150-1000": ("LOAD ON", "LOAD:PROT:CLE"),
    "ea-psb-10080-340": ("SYST:LOCK ON;:OUTP ON", "SYST:ERR:ALL?"),
    "itech-it6010c-80-300": ("OUTP ON", "OUTP OFF;:OUTP:PROT:CLE"),
    "keysight-rp7935a": ("OUTP ON", "OUTP OFF;:OUTP:PROT:CLE"),
}
"""How each is switched on, and how it is cleared."""


def runs(device: Powered) -> bool:
    """Whether it is on at its posts; of a box that is both, the side that feeds."""
    posts = device.output.source if isinstance(device, Box) else device.terminals
    return bool(posts.on)


@pytest.mark.parametrize("model", POWERED)
def test_a_fault_trips_a_protection_which_refuses_on_until_it_is_cleared(model: str) -> None:
    device = MAKERS[model]()
    assert isinstance(device, Powered)
    on, clear = SWITCHES[model]
    device.execute(on)
    assert runs(device)
    assign(device, "trips", "otp")
    assert device.trips == "otp"
    assert not runs(device)
    device.execute(on)
    assert not runs(device)
    device.execute(clear)
    device.execute(on)
    assert runs(device)


@pytest.mark.parametrize("model", POWERED)
def test_a_protection_that_it_does_not_have_is_said(model: str) -> None:
    with pytest.raises(UnknownParameter, match="it has ovp, ocp"):
        assign(MAKERS[model](), "trips", "smoke")


def test_what_is_set_wrongly_shows_in_the_reading() -> None:
    device = load()
    device.ammeter.set_gain, device.ammeter.set_offset = 1.02, 0.5
    device.execute("MODE CCH;:CURR:STAT:L1 100;:LOAD ON")
    assert device.terminals.current == pytest.approx(102.5)
    device.terminals.terminal_current = device.terminals.current
    assert float(device.execute("FETC:CURR?") or "") == pytest.approx(102.5, abs=0.01)


@pytest.mark.parametrize("meter", ["voltmeter", "ammeter"])
def test_a_frozen_meter_repeats_its_last_reading(twin: Twin, meter: str) -> None:
    query = {"voltmeter": "MEAS:VOLT?", "ammeter": "MEAS:CURR?"}[meter]
    before = ask(twin, "supply", query)
    twin.set(f"supply.{meter}.frozen", True)
    twin.set(f"supply.{meter}.offset", 5.0)
    assert ask(twin, "supply", query) == before
    twin.set(f"supply.{meter}.frozen", False)
    assert ask(twin, "supply", query) != before


def test_the_voltmeter_lies_as_it_is_told(twin: Twin) -> None:
    volts = float(ask(twin, "voltmeter", "READ?"))
    twin.set("voltmeter.digitiser.frozen", True)
    twin.set("circuit.sense_reversed", True)
    twin.advance(0.2)
    assert float(ask(twin, "voltmeter", "READ?")) == volts
    twin.set("voltmeter.digitiser.frozen", False)
    assert float(ask(twin, "voltmeter", "READ?")) == pytest.approx(-volts, abs=1.0)
    twin.set("voltmeter.digitiser.overload", True)
    assert float(ask(twin, "voltmeter", "READ?")) == 9.9e37


def test_a_stuck_range_overloads_what_does_not_fit_in_it(twin: Twin) -> None:
    twin.set("voltmeter.range_stuck", "10 V")
    assert abs(float(ask(twin, "voltmeter", "READ?"))) == 9.9e37
    twin.set("voltmeter.range_stuck", "100 V")
    assert abs(float(ask(twin, "voltmeter", "READ?"))) < 60


def test_a_stuck_relay_moves_what_it_switches_at_once_and_believes_in_its_orders(twin: Twin) -> None:
    put_back = assign(twin, "switch.relays.stuck.201", "closed")
    twin.advance(0.1)
    assert twin.circuit.main.closed
    assert ask(twin, "switch", "ROUT:CLOS? (@201)") == "0"
    put_back()
    twin.advance(0.2)
    assert not twin.circuit.main.closed


@pytest.mark.parametrize("role", ["supply", "voltmeter", "switch"])
def test_any_instrument_may_claim_to_be_another(twin: Twin, role: str) -> None:
    twin.set(f"{role}.identity", "Chroma,62050P-100-100,OTHER,01.70")
    assert ask(twin, role, "*IDN?") == "Chroma,62050P-100-100,OTHER,01.70"
