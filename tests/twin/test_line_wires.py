"""Faults of the serial lines as the station's own clients meet them over the real wires, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from bench_runs import rig

from station.bench import OpenBench
from station.bms.errors import DamagedAnswer, PackSilent, WrongAnswer
from station.bms.line import LineStatistics
from station.bms.pace_ascii import PaceAscii
from station.bms.pace_modbus import PaceModbus
from station.codecs.modbus import Read
from station.twin.world import Twin


@contextmanager
def awake() -> Iterator[tuple[OpenBench, Twin]]:
    """A bench with a pack that runs and whose readings stand still."""
    with rig() as simulated:
        simulated.twin.bms.power.enter("running", 0.0)
        simulated.clock.wait(0.5)
        simulated.twin.bms.adc.frozen = True
        plan = simulated.plan
        bench = OpenBench(
            simulated.served, plan.slot, plan.protocol, plan.pack.cells, simulated.clock, simulated.scopes
        )
        try:
            yield bench, simulated.twin
        finally:
            bench.close()


def clients(bench: OpenBench) -> tuple[PaceModbus, PaceAscii]:
    return bench.port("rs485_a").bms, bench.port("rs232").speaking(PaceAscii)


def by_port(bench: OpenBench) -> dict[str, PaceModbus | PaceAscii]:
    return dict(zip(("rs485_a", "rs232"), clients(bench), strict=True))


@pytest.mark.parametrize("polls", ["polite", "colliding"])
def test_every_reading_is_right_while_pack_1_talks_on_the_line(polls: str) -> None:
    with awake() as (bench, twin):
        client, _ = clients(bench)
        expected = client.readings().cell_voltages
        twin.set("lines.rs485_a.polls", polls)
        for _ in range(60):
            bench.clock.wait(0.13)
            assert client.readings().cell_voltages == expected
        assert client.statistics.foreign > 10
        assert (client.statistics.repeated > 0) == (polls == "colliding")


def test_what_is_heard_of_a_pack_that_hears_nothing_is_the_same_every_time() -> None:
    def statistics() -> LineStatistics:
        with awake() as (bench, twin):
            client, _ = clients(bench)
            client.readings()
            twin.set("lines.rs485_a.polls", "polite")
            twin.set("lines.rs485_a.deaf", True)
            for _ in range(15):
                with pytest.raises((PackSilent, DamagedAnswer, WrongAnswer)):
                    client.readings()
            return client.statistics

    seen = statistics()
    assert seen.foreign > 5
    assert seen == statistics()


def test_nothing_piles_up_on_a_line_that_nobody_reads() -> None:
    with awake() as (bench, twin):
        client, other = clients(bench)
        expected = client.readings().cell_voltages
        twin.set("lines.rs485_a.polls", "polite")
        client.readings()
        bench.clock.wait(600.0)
        assert client.readings().cell_voltages == expected
        assert other.text("pack_sn")


def test_a_line_with_bit_errors_costs_repetitions_and_never_a_wrong_value() -> None:
    with awake() as (bench, twin):
        client, other = clients(bench)
        cells, soc = client.readings().cell_voltages, other.readings().soc
        for name in ("rs485_a", "rs232"):
            twin.set(f"lines.{name}.bit_errors", "0.1 %")
        for _ in range(40):
            assert client.readings().cell_voltages == cells
            assert other.readings().soc == soc
        for statistics in (client.statistics, other.statistics):
            assert statistics.repeated > 0
            assert statistics.damaged > 0


def test_a_late_answer_is_no_answer_and_the_time_out_has_its_length() -> None:
    with awake() as (bench, twin):
        client, _ = clients(bench)
        expected = client.readings().cell_voltages
        twin.set("lines.rs485_a.delay", "400 ms")
        bench.clock.wait(0.1)
        began = bench.clock.now()
        with pytest.raises(PackSilent):
            client._line.ask(Read(1, 0, 37), tries=1)
        assert bench.clock.now() - began == pytest.approx(8 * 10 / 9600 + 0.2)
        with pytest.raises(WrongAnswer, match="79 bytes to another request"):
            client._line.ask(Read(1, 15, 15), tries=1)
        bench.clock.wait(1.0)
        twin.set("lines.rs485_a.delay", 0)
        assert client.readings().cell_voltages == expected
        assert client.statistics.late == 1


@pytest.mark.parametrize(
    ("fault", "value", "error"),
    [
        ("deaf", True, PackSilent),
        ("mute", True, PackSilent),
        ("cut", True, PackSilent),
        ("stuck", True, PackSilent),
        ("truncated", 4, DamagedAnswer),
        ("bad_frames", "100 %", DamagedAnswer),
    ],
)
def test_each_fault_has_its_error_on_both_protocols_and_goes_without_a_trace(
    fault: str, value: str | bool | int, error: type[Exception]
) -> None:
    with awake() as (bench, twin):
        for name, client in by_port(bench).items():
            serial = client.text("pack_sn")
            twin.set(f"lines.{name}.{fault}", value)
            with pytest.raises(error):
                client.text("pack_sn")
            twin.set(f"lines.{name}.{fault}", type(value)(0) if not isinstance(value, str) else 0)
            assert client.text("pack_sn") == serial


def test_the_answer_of_another_address_is_told_from_the_packs_own() -> None:
    with awake() as (bench, twin):
        client, other = clients(bench)
        twin.set("lines.rs485_a.address_error", 1)
        with pytest.raises(WrongAnswer, match="a frame of device 2 instead of 1"):
            client.text("pack_sn")
        twin.set("lines.rs232.address_error", 1)
        other.text("pack_sn")
        assert other.answered_from == 2


def test_an_echo_is_no_answer_and_does_not_hide_one() -> None:
    with awake() as (bench, twin):
        for name, client in by_port(bench).items():
            twin.set(f"lines.{name}.echo", True)
            assert client.text("pack_sn")
            assert client.statistics == LineStatistics(exchanges=1)


def test_answers_that_belong_to_the_question_before_are_not_mixed_up() -> None:
    with awake() as (bench, twin):
        client, _ = clients(bench)
        twin.set("lines.rs485_a.one_behind", True)
        with pytest.raises(PackSilent):
            client._line.ask(Read(1, 0, 37), tries=1)
        with pytest.raises(WrongAnswer, match="79 bytes to another request"):
            client._line.ask(Read(1, 15, 15), tries=1)


def test_several_packs_are_read_one_by_one_and_together() -> None:
    with awake() as (bench, twin):
        twin.set("bus.packs", 3)
        _, host = clients(bench)
        assert host.pack_count() == len(host.packs()) == 3
        wire = bench.port("rs485_a").wire
        protocol = bench.port("rs485_a").bms._protocol
        names = [PaceModbus(wire, protocol, address, bench.clock, cells=15).text("pack_sn") for address in (1, 2, 3)]
        assert names == [twin.bms.memory["pack_sn"], "NEIGHBOUR-02", "NEIGHBOUR-03"]


def test_the_history_comes_over_the_cable() -> None:
    with awake() as (bench, twin):
        _, client = clients(bench)
        twin.bms.history.clear()
        twin.bms.adc.frozen = False
        twin.set("bms.parameters.cell_overvoltage.alarm", "3.0 V")
        bench.clock.wait(2.0)
        (record,) = client.history(10)
        assert record.warning == 1
        assert len(record.cells) == 15
