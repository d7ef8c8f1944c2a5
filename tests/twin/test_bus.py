"""Several packs in parallel: each at its own address on RS485, pack 1 for all of them over RS232."""

from __future__ import annotations

import pytest
from twin.serial_bench import COMMANDS, SerialBench, framed

from station.codecs import modbus, pace_values
from station.codecs.modbus import Answer, Noise, Read, find_answer
from station.codecs.pace_ascii import Frame, Rtn, parse
from station.codecs.pace_values import ALL_PACKS, Alarms, Analog
from station.twin.bus import Neighbour

ANALOG, ALARMS, COUNT = (COMMANDS.commands[name] for name in ("analog", "alarms", "pack_count"))


@pytest.fixture
def bench() -> SerialBench:
    bench = SerialBench()
    bench.serial.bus.packs = 3
    return bench


def over_rs232(bench: SerialBench, code: int, info: bytes = b"") -> Frame:
    return parse(bench.ask(Frame(1, code, info).wire(), "rs232"))


def group(bench: SerialBench) -> tuple[Analog, ...]:
    return pace_values.analog(over_rs232(bench, ANALOG, bytes((ALL_PACKS,))).info, group=True)


def cells(bench: SerialBench, address: int) -> tuple[int, ...]:
    """The cells of the pack at an address, over RS485."""
    request = Read(address, 15, 15)
    outcome = find_answer(bench.ask(request.frame()), request)
    assert isinstance(outcome, Answer), outcome
    return outcome.words


def neighbour(bench: SerialBench, number: int) -> Neighbour:
    return bench.serial.bus.neighbours[str(number)]


def test_a_bench_has_one_pack_unless_told_otherwise() -> None:
    bench = SerialBench()
    assert bench.serial.bus.packs == 1
    assert over_rs232(bench, COUNT).info == b"\x01"


def test_each_pack_answers_at_its_own_address_on_both_rs485_lines(bench: SerialBench) -> None:
    for pack in bench.serial.bus.neighbours.values():
        pack.bms.adc.frozen = True
    seen = [cells(bench, address) for address in (1, 2, 3)]
    assert len(set(seen)) == 3
    for address, expected in zip((2, 3), seen[1:], strict=True):
        request = Read(address, 15, 15)
        outcome = find_answer(bench.ask(request.frame(), "rs485_b"), request)
        assert isinstance(outcome, Answer)
        assert outcome.words == expected
    assert bench.ask(Read(4, 15, 15).frame()) == b""


def test_what_is_written_to_a_neighbour_is_its_own(bench: SerialBench) -> None:
    assert bench.ask(framed("02 10 0041 0001 02 0E42")) == framed("02 10 0041 0001")
    trips = [
        bms.memory["cell_overvoltage.trip"] for bms in (bench.bms, neighbour(bench, 2).bms, neighbour(bench, 3).bms)
    ]
    assert trips == [3.7, 3.65, 3.7]


def test_pack_1_answers_for_all_in_the_order_of_addresses(bench: SerialBench) -> None:
    assert over_rs232(bench, COUNT).info == b"\x03"
    packs = group(bench)
    assert len(packs) == 3
    for address, pack in enumerate(packs, 1):
        (alone,) = pace_values.analog(over_rs232(bench, ANALOG, bytes((address,))).info)
        assert alone.cells == pytest.approx(pack.cells, abs=0.005)
    assert len({pack.cells for pack in packs}) == 3
    assert over_rs232(bench, ANALOG, b"\x04") == Frame(1, Rtn.NO_DATA)


def test_alarms_are_those_of_each_pack(bench: SerialBench) -> None:
    neighbour(bench, 3).bms.memory["cell_overvoltage.alarm"] = 3.0
    bench.ask(Read(3, 0, 1).frame())
    for _ in range(10):
        bench.ask(Read(3, 0, 1).frame())

    def alarms(info: bytes) -> tuple[Alarms, ...]:
        return pace_values.alarms(over_rs232(bench, ALARMS, info).info, group=info == b"\xff")

    assert [each.warning for each in alarms(b"\xff")] == [0, 0, 1]
    assert alarms(b"\x03")[0].warning == 1


def test_only_the_pack_with_address_1_speaks_for_others(bench: SerialBench) -> None:
    bench.bms.address = 4
    assert over_rs232(bench, COUNT) == Frame(4, Rtn.OK, b"\x01")
    assert len(group(bench)) == 1
    assert over_rs232(bench, ANALOG, b"\x02") == Frame(4, Rtn.NO_DATA)


def test_a_pack_that_does_not_answer_is_not_found(bench: SerialBench) -> None:
    neighbour(bench, 2).bms.silent = True
    assert over_rs232(bench, COUNT).info == b"\x02"
    assert over_rs232(bench, ANALOG, b"\x02").code == Rtn.NO_DATA
    assert bench.ask(Read(2, 0, 1).frame()) == b""


def test_an_address_is_taken_over_at_the_next_start_only(bench: SerialBench) -> None:
    second = neighbour(bench, 2)
    second.bms.address_switch = 9
    assert cells(bench, 2)
    second.bms.shut_down(bench.now)
    assert over_rs232(bench, COUNT).info == b"\x02"
    second.bms.key.pressed = True
    for _ in range(60):
        bench.ask(Read(9, 15, 1).frame())
    assert cells(bench, 9)
    assert bench.ask(Read(2, 15, 1).frame()) == b""


def test_two_packs_with_one_address_spoil_each_other(bench: SerialBench) -> None:
    neighbour(bench, 3).bms.address = 2
    request = Read(2, 15, 15)
    outcome = find_answer(bench.ask(request.frame()), request)
    assert isinstance(outcome, Noise)
    assert outcome.rest
    assert over_rs232(bench, COUNT).info == b"\x01"
    assert cells(bench, 1)


@pytest.mark.parametrize("fault", ["deaf", "mute"])
def test_a_pack_that_lost_one_direction_leaves_the_others_alone(bench: SerialBench, fault: str) -> None:
    setattr(bench.line, fault, True)
    assert bench.ask(Read(1, 15, 15).frame()) == b""
    assert cells(bench, 2)
    assert cells(bench, 3)


def test_packs_are_joined_and_removed_by_their_number(bench: SerialBench) -> None:
    bus = bench.serial.bus
    second = neighbour(bench, 2)
    bus.packs = 15
    assert [each.bms.address for each in bus.neighbours.values()] == [*range(2, 16)]
    assert bus.neighbours["2"] is second
    assert len(group(bench)) == 15
    bus.packs = 1
    assert not bus.neighbours
    for count in (0, 16, -1):
        with pytest.raises(ValueError, match="1 to 15 packs have an address"):
            bus.packs = count


def test_fifteen_packs_fit_one_frame_with_the_longest_tails(bench: SerialBench) -> None:
    bench.serial.bus.packs = 15
    for board in (bench.serial.board, *(each.board for each in bench.serial.bus.neighbours.values())):
        board.tail, board.alarm_tail = "summary", 5
    packs = group(bench)
    assert len(packs) == 15
    total = int.from_bytes(packs[0].tail[14:18], "big") / 100
    assert total == pytest.approx(sum(each.remaining for each in packs), abs=0.1)


def test_packs_of_one_group_may_end_their_readings_differently(bench: SerialBench) -> None:
    neighbour(bench, 2).board.tail = "none"
    neighbour(bench, 3).board.tail = "long"
    assert [len(pack.tail) for pack in group(bench)] == [1, 0, 14]


def test_the_talk_of_the_parallel_bus_is_that_of_real_packs(bench: SerialBench) -> None:
    bench.line.polls = "polite"
    bench.ask(Read(1, 0, 1).frame())
    frames = [parse(each + b"\r") for each in bench.wait(1.5).split(b"\r")[:-1]]
    wires = [frame.wire() for frame in frames]
    assert wires[0] == b"~250246900000FDA4\r"  # recorded: pack 1 asks 2 how many packs there are
    assert wires[1] == b"~25024600E00201FD35\r"  # recorded from another address: one
    assert wires[2] == b"~25024642E00202FD2E\r"  # recorded: pack 1 asks 2 for its readings
    assert pace_values.analog(frames[3].info)[0].cells == pytest.approx(group(bench)[1].cells, abs=0.005)
    assert wires[4] == b"~25024644E00202FD2C\r"  # recorded: and for its alarms
    assert len(pace_values.alarms(frames[5].info)[0].cells) == 15
    assert frames[6] == Frame(3, COUNT)


def test_the_talk_of_others_never_reaches_into_an_answer(bench: SerialBench) -> None:
    bench.line.polls = "polite"
    for address in (1, 2, 3) * 10:
        assert len(cells(bench, address)) == 15
        assert not modbus.has_frame(bench.wait(0.3))
