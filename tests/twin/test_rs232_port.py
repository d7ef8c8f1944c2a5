"""The three serial ports of a simulated bench, over the real wires: one pack behind all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from bench_runs import SERIAL, rig

from station.bench import MissingRole, OpenBench
from station.bms.errors import PackSilent
from station.bms.pace_ascii import PaceAscii
from station.bms.pace_modbus import PaceModbus
from station.clock import Clock, WallClock
from station.codecs.modbus import Answer, Read, find_answer, needed
from station.twin.world import Twin


@contextmanager
def awake(clock: Clock | None = None) -> Iterator[tuple[OpenBench, Twin]]:
    """A bench with a pack that runs."""
    with rig(clock=clock) as simulated:
        simulated.twin.bms.power.enter("running", 0.0)
        simulated.clock.wait(0.5)
        plan = simulated.plan
        bench = OpenBench(
            simulated.served, plan.slot, plan.protocol, plan.pack.cells, simulated.clock, simulated.scopes
        )
        try:
            yield bench, simulated.twin
        finally:
            bench.close()


def test_every_port_says_the_same_of_the_same_pack() -> None:
    with awake() as (bench, twin):
        twin.bms.adc.frozen = True
        bench.clock.wait(1.0)
        by_modbus, by_modbus_b = (bench.port(name).client.readings() for name in ("rs485_a", "rs485_b"))
        by_ascii = bench.port("rs232").client.readings()
        assert by_modbus == by_modbus_b
        for name in by_modbus.__slots__:
            if name != "status":
                assert getattr(by_ascii, name) == getattr(by_modbus, name), name
        assert by_ascii.status == by_modbus.status == {"charge_fet", "discharge_fet"}
        for text in ("version", "model_sn", "pack_sn"):
            assert {bench.port(name).client.text(text) for name in ("rs485_a", "rs485_b", "rs232")} == {
                str(twin.bms.memory[text])
            }
        assert bench.port("rs232").client.text("pack_sn") == SERIAL


def test_both_protocols_give_the_same_parameters() -> None:
    with awake() as (bench, _):
        by_ascii, by_modbus = bench.port("rs232").speaking(PaceAscii), bench.port("rs485_a").bms
        sets = ("cell_overvoltage", "discharge_overcurrent", "undertemperature", "overcurrent_2", "full_charge")
        for name in sets:
            found = by_ascii.parameters(name)
            assert found == by_modbus.read(found)
        by_modbus.write({"cell_overvoltage.trip": 3.65})
        assert by_ascii.parameters("cell_overvoltage")["cell_overvoltage.trip"] == 3.65


def test_commands_over_the_cable_act_on_the_pack() -> None:
    with awake() as (bench, twin):
        client = bench.port("rs232").speaking(PaceAscii)
        client.limiter(False)
        assert not twin.bms.limiter.enabled
        client.limiter(True)
        assert twin.bms.limiter.enabled
        client.set_clock(datetime(2026, 11, 23, 20, 30))
        bench.clock.wait(60.0)
        assert timedelta(0) <= client.clock() - datetime(2026, 11, 23, 20, 31) < timedelta(seconds=3)
        assert client.capacity().design == 100.0
        assert (client.pack_count(), len(client.packs()), client.answered_from) == (1, 1, 1)
        assert client.statistics.exchanges == 10
        assert (client.statistics.repeated, client.statistics.foreign, client.statistics.damaged) == (0, 0, 0)


def test_an_exchange_takes_its_true_time_on_the_line() -> None:
    with awake() as (bench, _):
        client = bench.port("rs232").speaking(PaceAscii)
        began = bench.clock.now()
        client.text("version")
        assert bench.clock.now() - began == pytest.approx((18 + 18 + 40) * 10 / 9600 + 0.050)


def test_the_loop_back_proves_the_cable_of_a_silent_pack() -> None:
    with awake() as (bench, twin):
        port = bench.port("rs232")
        twin.set("bms.silent", True)
        with pytest.raises(PackSilent):
            port.client.readings()
        assert port.own_line_works() is True
        twin.set("lines.rs232.loop_back_broken", True)
        assert port.own_line_works() is False
        twin.set("bms.silent", False)
        assert port.client.text("pack_sn") == SERIAL


def test_a_port_is_asked_only_for_what_it_speaks() -> None:
    with awake() as (bench, _):
        with pytest.raises(MissingRole, match="rs232 is served by PaceAscii, not by PaceModbus"):
            bench.port("rs232").bms.read(["soc"])
        with pytest.raises(MissingRole, match="rs485_b is served by PaceModbus, not by PaceAscii"):
            bench.port("rs485_b").speaking(PaceAscii)
        assert isinstance(bench.port("rs485_b").client, PaceModbus)


def test_the_cable_works_in_wall_time_too() -> None:
    with awake(WallClock()) as (bench, _):
        client = bench.port("rs232").speaking(PaceAscii)
        assert client.text("pack_sn") == SERIAL
        assert len(client.readings().cell_voltages) == 15
        assert client.statistics.repeated == 0


@pytest.mark.parametrize("pieces", [(3,), (1, 2, 5), (7,)])
def test_a_request_that_a_computer_tears_apart_is_still_one_request(pieces: tuple[int, ...]) -> None:
    with awake(WallClock()) as (bench, _):
        request = Read(1, 160, 20)
        wire, frame = bench.port("rs485_a").wire, request.frame()
        at = [0, *pieces, len(frame)]
        for begin, end in pairwise(at):
            wire.transmit(frame[begin:end])
            bench.clock.wait(0.004)
        received = wire.collect(partial(needed, request=request), 1.0, 0.2)
        assert isinstance(find_answer(received, request), Answer)
