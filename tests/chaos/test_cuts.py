"""A sample of the thousand cuts that `make chaos` does, another one for each commit; and some that were found by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_runs import rig
from cuts import KINDS, Cut, carried_out, cut, line
from kills import commit

from station.model.verdict import Verdict

CUTS, TOGETHER = 10, 2
LATE = """\
fault: late
title: The switch unit answers late while the key is pressed
class: bench
change: {connections.switch.delay: 2 s}
when: {step: shutdown, for: 8 s}
"""


@pytest.mark.parametrize("first", range(0, CUTS, TOGETHER))
def test_whatever_connection_fails_whenever_and_however_the_verdict_is_never_wrong(first: int) -> None:
    done = [carried_out(cut(number, commit())) for number in range(first, first + TOGETHER)]
    assert not [ended for ended in done if ended.wrong], "\n".join(map(line, done))


def test_silence_on_one_port_is_not_the_packs_because_the_line_of_another_is_good() -> None:
    kind = next(each for each in KINDS if each.name == "cut" and "rs232" in each.on)
    ended = carried_out(Cut(7, kind, "rs232", 56.975, None, None))
    assert (ended.verdict, ended.wrong) == (Verdict.ERROR, ())
    assert "own line does not prove good" in ended.reason


def test_a_key_that_is_let_go_too_late_is_the_fault_of_the_bench(tmp_path: Path) -> None:
    fault = tmp_path / "late.yaml"
    fault.write_text(LATE, encoding="utf-8")
    with rig([str(fault)]) as bench:
        record = bench.run(tmp_path).record
    assert record.verdict == "ERROR"
    assert "the key was pressed for 8.1 s, not 4.5 s: the switch unit answers too late" in record.reason


def test_a_cut_is_the_same_for_the_same_text_and_fits_what_it_breaks() -> None:
    cuts = [cut(number, "a") for number in range(200)]
    assert cuts == [cut(number, "a") for number in range(200)]
    assert all(each.where in each.kind.on for each in cuts)
    assert {each.kind.name for each in cuts} == {"cut", "silent", "delayed", "garbled", "closed", "mute", "deaf"}
