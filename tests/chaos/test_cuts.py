"""A sample of the thousand cuts that `make chaos` does; another one for each commit."""

from __future__ import annotations

import pytest
from cuts import carried_out, cut, line
from kills import commit
from workers import each

CUTS, JOBS = 25, 2


@pytest.mark.timeout(900)
@pytest.mark.xdist_group("chaos")
def test_whatever_connection_fails_whenever_and_however_the_verdict_is_never_wrong() -> None:
    done = list(each(carried_out, [cut(number, commit()) for number in range(CUTS)], JOBS))
    assert len(done) == CUTS
    assert not [ended for ended in done if ended.wrong], "\n".join(map(line, done))


def test_a_cut_is_the_same_for_the_same_text_and_fits_what_it_breaks() -> None:
    cuts = [cut(number, "a") for number in range(200)]
    assert cuts == [cut(number, "a") for number in range(200)]
    assert all(each.where in each.kind.on for each in cuts)
    assert {each.kind.name for each in cuts} == {"cut", "silent", "delayed", "garbled", "closed", "mute", "deaf"}
