"""What a step says of the lines that it used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from bench_runs import rig
from short_sequences import IDENTITY, START, sequence_file

from station.actions.stage import Stage
from station.bms import LineStatistics
from station.run.line_notes import LineNotes


@dataclass
class Lines:
    """Stage and bench in one, with the statistics of each line."""

    by_name: dict[str, LineStatistics]
    notes: list[str] = field(default_factory=list)

    @property
    def bench(self) -> Lines:
        return self

    def lines(self) -> list[tuple[str, LineStatistics]]:
        return list(self.by_name.items())

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def lines() -> Lines:
    return Lines({"rs485_a": LineStatistics(exchanges=7), "rs232": LineStatistics()})


def test_a_line_that_only_answers_is_not_noted_and_a_pack_that_sleeps_neither(lines: Lines) -> None:
    notes = LineNotes(cast("Stage", lines))
    notes.tell()
    lines.by_name["rs485_a"].silent = 1
    notes.tell()
    assert lines.notes == []


def test_each_step_tells_what_happened_in_it_and_on_which_line(lines: Lines) -> None:
    notes = LineNotes(cast("Stage", lines))
    notes.tell()
    lines.by_name["rs485_a"].exchanges, lines.by_name["rs485_a"].repeated = 10, 2
    lines.by_name["rs485_a"].silent = 2
    lines.by_name["rs232"].exchanges, lines.by_name["rs232"].vanished = 3, 1
    notes.tell()
    notes.tell()
    assert lines.notes == [
        "rs485_a: of 3 questions 2 asked again, 2 not answered",
        "rs232: of 3 questions 1 cut off as the port vanished and came back",
    ]


def test_a_retry_in_a_run_is_in_its_record(tmp_path: Path) -> None:
    with rig(sequence=sequence_file(tmp_path, "asked", START, IDENTITY)) as bench:
        line = bench.twin.lines["rs485_a"]
        bench.at("identity", lambda: setattr(line, "bad_frames", 0.5))
        record = bench.run(tmp_path).record
    assert record.verdict == "PASS", record.reason
    (identity,) = [step for step in record.steps if step.id == "identity"]
    (note,) = identity.notes
    assert re.fullmatch(r"rs485_a: of \d+ questions \d asked again, \d answered with a damaged frame", note)
