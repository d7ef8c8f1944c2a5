"""A sample of what `make chaos` draws, another one for each commit; and some that were found by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bench_runs import rig
from cuts import KINDS, LINES, cut
from drawn import Drawn, carried_out
from pack_strays import PACK_STRAY, pack_stray
from retests import retest, run_again
from strays import STRAY, stray
from workers import commit

from station.model.verdict import Verdict

RUNS, RETESTED, TOGETHER = 6, 4, 2
LATE = """\
fault: late
title: The switch unit answers late while the key is pressed
class: bench
change: {connections.switch.delay: 2 s}
when: {step: shutdown, for: 8 s}
"""


@pytest.mark.parametrize("first", range(0, RUNS, TOGETHER))
@pytest.mark.parametrize("draw_one", [cut, stray, pack_stray])
def test_whatever_fails_whenever_and_however_the_verdict_is_never_wrong(
    draw_one: Callable[[int, str], Drawn], first: int
) -> None:
    done = [carried_out(draw_one(number, commit())) for number in range(first, first + TOGETHER)]
    assert not [ended for ended in done if ended.wrong], "\n".join(map(str, done))


@pytest.mark.parametrize("first", range(0, RETESTED, TOGETHER))
def test_a_good_pack_passes_its_retest_whatever_ended_its_run_and_when(first: int) -> None:
    done = [run_again(retest(number, commit())) for number in range(first, first + TOGETHER)]
    assert not [ended for ended in done if ended.wrong], "\n".join(map(str, done))


def test_silence_on_one_port_is_not_the_packs_because_the_line_of_another_is_good() -> None:
    ended = carried_out(Drawn(7, "lines.rs232.cut", True, 56.975, None))
    assert (ended.verdict, ended.wrong) == (Verdict.ERROR, ())
    assert "own line does not prove good" in ended.reason


def test_a_switch_unit_that_makes_everything_late_sets_no_clock_wrong() -> None:
    ended = carried_out(Drawn(453, "connections.switch.delay", 1.53, 4.513, None))
    assert (ended.verdict, ended.wrong) == (Verdict.ERROR, ()), ended.reason


def test_a_key_that_is_let_go_too_late_is_the_fault_of_the_bench(tmp_path: Path) -> None:
    fault = tmp_path / "late.yaml"
    fault.write_text(LATE, encoding="utf-8")
    with rig([str(fault)]) as bench:
        record = bench.run(tmp_path).record
    assert record.verdict == "ERROR"
    assert "the key was pressed for 8.1 s, not 4.5 s: the switch unit answers too late" in record.reason


@pytest.mark.parametrize(
    ("draw_one", "names"),
    [
        (cut, {kind.parameter.format(where) for kind in KINDS for where in kind.on}),
        (stray, {*STRAY}),
        (pack_stray, {*PACK_STRAY}),
    ],
)
def test_what_is_drawn_is_the_same_for_the_same_text_and_anything_can_be(
    draw_one: Callable[[int, str], Drawn], names: set[str]
) -> None:
    drawn = [draw_one(number, "a") for number in range(3000)]
    assert drawn == [draw_one(number, "a") for number in range(3000)]
    assert {each.parameter for each in drawn} == names
    assert {*LINES} <= {word for each in drawn for word in each.parameter.split(".")}
    assert all(each.fault.settings == {each.parameter: each.value} for each in drawn)
