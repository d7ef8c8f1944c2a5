"""What can be wrong with an instrument's network connection, in virtual time: each costs exactly what it should."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import pyvisa

from station.clock import Scopes, VirtualClock
from station.twin.cables import Cable
from station.twin.scpi import Dialect, Instrument
from station.twin.server import Server
from station.wires.errors import ConnectionLost, Garbled, NoAnswer, WireError
from station.wires.visa import VisaWire

RESPONSE = 0.002
TIMEOUT = 2.0


class Closing(Instrument):
    """An instrument that closes a connection after 5 s without a message, as an EA power supply does."""

    idle_timeout = 5.0


@dataclass
class Bench:
    """One instrument and the station's wire to it."""

    clock: VirtualClock
    server: Server
    instrument: Instrument
    cable: Cable
    wire: VisaWire
    scopes: Scopes


def bench(instrument: Instrument, manager: pyvisa.ResourceManager, seed: int = 1) -> Iterator[Bench]:
    clock = VirtualClock()
    server = Server(clock, lambda time: None, lambda: clock.now() + 1.0, seed)
    clock.attach(server.tick, server)
    server.add_instrument("meter", instrument)
    server.start()
    scopes = Scopes(clock)
    wire = VisaWire(server.addresses["meter"], scopes, manager)
    yield Bench(clock, server, instrument, server.cables["meter"], wire, scopes)
    wire.close()
    server.stop()


@pytest.fixture(scope="module")
def manager() -> Iterator[pyvisa.ResourceManager]:
    found = pyvisa.ResourceManager("@py")
    yield found
    found.close()


@pytest.fixture
def meter(manager: pyvisa.ResourceManager) -> Iterator[Bench]:
    yield from bench(Instrument("Maker,Model,1,0", Dialect(), []), manager)


@pytest.fixture
def closing(manager: pyvisa.ResourceManager) -> Iterator[Bench]:
    yield from bench(Closing("Maker,Model,1,0", Dialect(), []), manager)


def test_nothing_is_wrong_with_a_cable_unless_a_fault_says_so(meter: Bench) -> None:
    for _ in range(100):
        assert meter.wire.query("*IDN?") == "Maker,Model,1,0"
    assert meter.clock.now() == pytest.approx(100 * RESPONSE)


def test_a_cut_cable_ends_the_connection_and_lets_none_be_made_until_it_is_whole_again(meter: Bench) -> None:
    meter.wire.query("*OPC?")
    meter.cable.cut = True
    for _ in range(3):
        with pytest.raises(ConnectionLost):
            meter.wire.query("*OPC?", TIMEOUT)
    assert meter.clock.now() == RESPONSE
    meter.cable.cut = False
    assert meter.wire.query("*OPC?") == "1"


def test_a_silent_instrument_takes_the_message_and_costs_the_time_out(meter: Bench) -> None:
    meter.cable.silent = True
    with pytest.raises(NoAnswer):
        meter.wire.query("*ESE 4\n*ESE?", TIMEOUT)
    assert meter.clock.now() == TIMEOUT
    meter.cable.silent = False
    assert meter.wire.query("*ESE?") == "0"


def test_a_late_answer_is_late_by_its_delay_and_none_at_all_past_the_time_out(meter: Bench) -> None:
    meter.cable.delay = 1.5
    assert meter.wire.query("*OPC?", TIMEOUT) == "1"
    assert meter.clock.now() == pytest.approx(RESPONSE + 1.5)


def spoilt(meter: Bench) -> list[str]:
    """What comes of a hundred questions over a bad cable."""

    def outcome() -> str:
        try:
            return meter.wire.query("*IDN?", TIMEOUT)
        except WireError as error:
            return type(error).__name__

    meter.cable.garbled = 0.02
    return [outcome() for _ in range(100)]


def test_garbled_answers_are_the_same_ones_for_the_same_seed(manager: pyvisa.ResourceManager) -> None:
    found = []
    for seed in (1, 1, 2):
        for each in bench(Instrument("Maker,Model,1,0", Dialect(), []), manager, seed):
            found.append((spoilt(each), each.clock.now()))
    assert found[0] == found[1] != found[2]
    outcomes = set(found[0][0])
    assert {"Maker,Model,1,0", Garbled.__name__, NoAnswer.__name__} < outcomes
    assert 50 < found[0][0].count("Maker,Model,1,0") < 95


def test_a_connection_that_is_closed_after_so_many_bytes_is_made_anew(meter: Bench) -> None:
    meter.cable.closed_after = 20
    names = []
    for _ in range(12):
        assert meter.wire.query("*OPC?") == "1"
        names.append(meter.wire._ledger.connection)
    assert [names.count(name) for name in dict.fromkeys(names)] == [4, 4, 4]


def test_an_instrument_closes_an_idle_connection_and_the_next_question_makes_a_new_one(closing: Bench) -> None:
    assert closing.wire.query("*OPC?") == "1"
    first = closing.wire._socket
    closing.clock.wait(4.9)
    assert closing.wire.query("*OPC?") == "1"
    assert closing.wire._socket is first
    assert closing.server.next_due == pytest.approx(closing.clock.now() - RESPONSE + 5.0)
    closing.clock.wait(5.1)
    assert closing.server.next_due > 1e9
    assert closing.wire.query("*OPC?") == "1"
    assert closing.wire._socket is not first


def test_a_reset_in_mid_exchange_touches_no_other_connection(meter: Bench, manager: pyvisa.ResourceManager) -> None:
    other = VisaWire(meter.server.addresses["meter"], meter.scopes, manager)
    other.query("*OPC?")
    meter.wire.query("*OPC?")
    meter.wire._send(b"*IDN?\n", TIMEOUT)  # and the run is stopped before the reply
    meter.wire.close()
    before = meter.clock.now()
    assert other.query("*OPC?") == "1"
    with pytest.raises(NoAnswer):
        other.query("*CLS", TIMEOUT)
    assert meter.clock.now() - before >= TIMEOUT
    other.close()
