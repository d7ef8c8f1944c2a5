"""A sample of the thousand cuts that `make chaos` does; another one for each commit."""

from __future__ import annotations

import pytest
from cuts import KINDS, Cut, carried_out, cut, line
from kills import commit
from workers import each

from station.model.verdict import Verdict

CUTS, JOBS = 25, 2


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("chaos")
def test_whatever_connection_fails_whenever_and_however_the_verdict_is_never_wrong() -> None:
    done = list(each(carried_out, [cut(number, commit()) for number in range(CUTS)], JOBS))
    assert len(done) == CUTS
    assert not [ended for ended in done if ended.wrong], "\n".join(map(line, done))


def test_silence_on_one_port_is_not_the_packs_because_the_line_of_another_is_good() -> None:
    kind = next(each for each in KINDS if each.name == "cut" and "rs232" in each.on)
    ended = carried_out(Cut(7, kind, "rs232", 56.975, None, None))
    assert (ended.verdict, ended.wrong) == (Verdict.ERROR, ())
    assert "own line does not prove good" in ended.reason


def test_a_cut_is_the_same_for_the_same_text_and_fits_what_it_breaks() -> None:
    cuts = [cut(number, "a") for number in range(200)]
    assert cuts == [cut(number, "a") for number in range(200)]
    assert all(each.where in each.kind.on for each in cuts)
    assert {each.kind.name for each in cuts} == {"cut", "silent", "delayed", "garbled", "closed", "mute", "deaf"}
