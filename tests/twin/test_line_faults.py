"""What can be wrong with a serial line, fault by fault; each is the same with the same seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twin.serial_bench import READ, TEXTS, SerialBench, framed

from station.codecs.modbus import Answer, Misfit, Noise, Read, find_answer
from station.codecs.pace_ascii import Frame, parse
from station.twin.line import UNREAD, collide

READ_VERSION = b"~250146C10000FD9A\r"
WRITE = framed("01 10 0041 0001 02 0E42")


@pytest.fixture
def bench() -> SerialBench:
    return SerialBench()


@pytest.fixture
def answer(bench: SerialBench) -> bytes:
    """What a whole line answers to `TEXTS`."""
    return bench.ask(TEXTS)


def trip(bench: SerialBench) -> float:
    return float(bench.rig.value("cell_overvoltage.trip"))


def test_a_whole_line_answers_in_its_own_time(bench: SerialBench) -> None:
    began = bench.now
    assert len(bench.send(TEXTS)) == 45
    assert bench.now - began == pytest.approx((8 + 45) * 10 / 9600 + 0.030)
    assert parse(bench.ask(READ_VERSION, "rs232")).address == 1


def test_a_cut_line_carries_nothing_and_no_loop_back(bench: SerialBench) -> None:
    bench.line.cut = True
    assert bench.ask(WRITE) == b""
    bench.line.loop_back = True
    assert bench.ask(WRITE) == b""
    assert trip(bench) == 3.7


@pytest.mark.parametrize("fault", ["deaf", "mute", "stuck"])
def test_the_loop_back_proves_the_stations_side_whatever_is_wrong_with_the_pack(bench: SerialBench, fault: str) -> None:
    setattr(bench.line, fault, True)
    bench.line.loop_back = True
    assert bench.ask(b"abc") == b"abc"
    bench.line.loop_back_broken = True
    assert bench.ask(b"abc") == b""


def test_a_deaf_pack_does_nothing_and_a_mute_one_obeys(bench: SerialBench) -> None:
    bench.line.deaf = True
    assert bench.ask(WRITE) == b""
    assert trip(bench) == 3.7
    bench.line.deaf, bench.line.mute = False, True
    assert bench.ask(WRITE) == b""
    assert trip(bench) == 3.65
    assert bench.ask(TEXTS, "rs485_b") != b""


def test_a_stuck_transmitter_is_read_as_zeros(bench: SerialBench) -> None:
    bench.line.stuck = True
    assert bench.ask(WRITE) == bytes(len(WRITE))
    assert trip(bench) == 3.7


def test_an_echo_comes_before_the_answer(bench: SerialBench, answer: bytes) -> None:
    bench.line.echo = True
    assert bench.ask(TEXTS) == TEXTS + answer


def test_a_truncated_answer_lacks_its_end(bench: SerialBench, answer: bytes) -> None:
    bench.line.truncated = 3
    assert bench.ask(TEXTS) == answer[:-3]
    bench.line.truncated = 100
    assert bench.ask(TEXTS) == b""


def test_another_address_answers_with_a_sound_frame(bench: SerialBench) -> None:
    bench.line.address_error = 1
    assert isinstance(find_answer(bench.ask(TEXTS), Read(1, 160, 20)), Misfit)
    assert isinstance(find_answer(bench.ask(TEXTS), Read(2, 160, 20)), Answer)
    bench.serial.lines["rs232"].address_error = -1
    assert parse(bench.ask(READ_VERSION, "rs232")).address == 0


def test_bad_frames_come_as_often_as_they_should_and_are_never_sound(bench: SerialBench, answer: bytes) -> None:
    bench.line.bad_frames = 0.2
    heard = [bench.send(TEXTS) for _ in range(300)]
    bad = [each for each in heard if each != answer]
    assert 0.12 < len(bad) / len(heard) < 0.28
    assert all(isinstance(find_answer(each, Read(1, 160, 20)), Noise) for each in bad)


def test_bit_errors_hit_the_bytes_of_both_ways(bench: SerialBench, answer: bytes) -> None:
    bench.line.bit_errors = 0.01
    heard = [bench.send(TEXTS) for _ in range(300)]
    lost, spoilt = heard.count(b""), sum(each not in (b"", answer) for each in heard)
    assert 0.03 < lost / 300 < 0.15, "0.99 ** 8 of the requests arrive"
    assert 0.2 < spoilt / 300 < 0.5, "and 0.99 ** 45 of the answers"
    bench.line.bit_errors = 1.0
    assert bench.send(WRITE) == b""
    assert trip(bench) == 3.7


def test_the_same_seed_gives_the_same_damage() -> None:
    def heard(seed: int) -> list[bytes]:
        bench = SerialBench(seed=seed)
        bench.line.bit_errors = bench.line.bad_frames = 0.05
        return [bench.ask(TEXTS) for _ in range(20)]

    assert heard(1) == heard(1) != heard(2)


def test_a_slow_answer_within_the_time_out_is_only_later(bench: SerialBench, answer: bytes) -> None:
    bench.line.delay = 0.1
    began = bench.now
    assert bench.send(TEXTS) == answer
    assert bench.now - began == pytest.approx((8 + 45) * 10 / 9600 + 0.130)


@pytest.mark.parametrize(("turnaround", "delay"), [(0.03, 0.4), (0.43, 0.0)])
def test_an_answer_after_the_time_out_arrives_alone(
    turnaround: float, delay: float, bench: SerialBench, answer: bytes
) -> None:
    bench.line.port.turnaround, bench.line.delay = turnaround, delay
    began = bench.now
    assert bench.send(TEXTS) == b""
    assert bench.now - began == pytest.approx(8 * 10 / 9600 + min(turnaround, 0.2))
    assert bench.wait(0.35 if delay else 0.18) == b""
    assert bench.wait(0.10) == answer
    assert bench.wait(2.0) == b""


def test_a_late_answer_meets_the_next_request(bench: SerialBench, answer: bytes) -> None:
    bench.line.delay = 0.25
    assert bench.send(TEXTS) == b""
    bench.now += 0.3
    assert bench.send(framed("01 03 0000 0001")) == answer


def test_an_answer_can_be_one_request_behind(bench: SerialBench, answer: bytes) -> None:
    bench.line.one_behind = True
    other = framed("01 03 00FF 0001")
    assert bench.ask(other) == b""
    assert bench.ask(TEXTS) == framed("01 83 02")
    assert bench.ask(other) == answer


# --- what the packs say unasked ---------------------------------------------------------------------------------------


def polls(heard: bytes) -> list[int]:
    """The addresses that were asked for their number of packs."""
    frames = [parse(each + b"\r") for each in heard.split(b"\r")[:-1]]
    assert {each.code for each in frames} <= {0x90}
    return [each.address for each in frames]


def test_nothing_is_said_unasked_as_delivered(bench: SerialBench) -> None:
    bench.ask(TEXTS)
    assert bench.wait(5.0) == b""


def test_pack_1_asks_each_address_in_turn_seven_times_a_second(bench: SerialBench) -> None:
    bench.line.polls = "polite"
    bench.ask(TEXTS)
    asked = polls(bench.wait(2.0))
    assert asked[:14] == [*range(2, 16)]
    assert len(asked) <= 15
    bench.bms.address = 2
    bench.ask(TEXTS)
    assert bench.wait(2.0) == b""


def test_what_was_said_before_the_first_request_or_while_it_was_off_is_not_kept(bench: SerialBench) -> None:
    bench.wait(10.0)
    bench.line.polls = "polite"
    assert bench.wait(10.0) == b""
    assert len(bench.ask(READ)) < 79 + 3 * 18


def test_polite_polls_stand_between_frames_and_lose_none(bench: SerialBench) -> None:
    bench.line.polls = "polite"
    between = 0
    for _ in range(100):
        outcome = find_answer(bench.ask(READ), Read(1, 0, 37))
        assert isinstance(outcome, Answer)
        between += outcome.rest != b""
    assert between > 20


def test_colliding_polls_cost_a_request_now_and_then_and_the_next_one_is_answered(bench: SerialBench) -> None:
    bench.line.polls = "colliding"
    outcomes = [find_answer(bench.ask(READ), Read(1, 0, 37)) for _ in range(100)]
    lost = [not isinstance(each, Answer) for each in outcomes]
    assert 3 < sum(lost) < 50
    assert all(not isinstance(each, Misfit) for each in outcomes)


def test_an_adapter_that_nobody_reads_keeps_a_little_and_loses_the_rest(bench: SerialBench) -> None:
    bench.line.polls = "polite"
    bench.ask(TEXTS)
    assert 400 < len(bench.wait(60.0)) <= UNREAD
    assert bench.wait(60.0) == b""
    bench.ask(TEXTS)
    assert bench.wait(1.0) != b""


@pytest.mark.parametrize("fault", ["cut", "mute", "loop_back"])
def test_a_separated_line_carries_no_talk_of_others(bench: SerialBench, fault: str) -> None:
    bench.line.polls = "polite"
    bench.ask(TEXTS)
    setattr(bench.line, fault, True)
    assert bench.wait(3.0) == b""


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_a_collision_is_as_long_as_the_longest_and_alone_a_frame_is_whole(frames: list[bytes]) -> None:
    heard = collide(frames)
    assert len(heard) == max(map(len, frames), default=0)
    assert collide([heard]) == heard
    assert all(byte & each[at] == byte for each in frames for at, byte in enumerate(heard[: len(each)]))


def test_a_frame_of_the_parallel_bus_is_no_request_to_the_modbus_port(bench: SerialBench, answer: bytes) -> None:
    assert bench.ask(Frame(2, 0x90).wire()) == b""
    assert bench.ask(TEXTS) == answer
