"""A sample of the kills that `make chaos` does at every flushed line; another one for each commit."""

from __future__ import annotations

import os

import pytest
from kills import drawn, kills, summary, table, whole
from workers import commit

LINES, JOBS = 20, 2


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and pseudo-terminals")
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("stops")
def test_a_run_that_is_killed_at_any_flushed_line_leaves_a_safe_bench_and_a_whole_journal() -> None:
    of = whole()
    done = list(kills(of, drawn(LINES, len(of.flushed), commit()), jobs=JOBS))
    said = "\n".join((*table(done), summary(done)))
    print(said)
    assert len(done) == LINES
    assert not [each for each in done if each.wrong], said


def test_the_same_text_draws_the_same_lines_and_all_of_them_are_there_to_be_drawn() -> None:
    assert drawn(20, 80, "a") == drawn(20, 80, "a") != drawn(20, 80, "b")
    assert drawn(100, 80, "a") == list(range(1, 81))
