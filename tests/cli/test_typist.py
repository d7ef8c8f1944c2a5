"""A person at the keyboard: what is typed after the question is the answer."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench_runs import SERIAL
from served_twin import serving
from short_sequences import sequence_file

from station.cli.typist import Typist
from station.clock import WallClock
from station.model.prompt import Prompt

ASKS = "  - step: look\n    ask: [{text: 'Any dent, crack or leak?', answer: none}]\n"
PROMPT = Prompt("?", "none")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.FileIO]:
    """What a person types on; closed at the end."""
    read, write = os.pipe()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(fileno=lambda: read))
    with io.FileIO(write, "w") as keys:
        yield keys
    os.close(read)


def test_lines_are_answers_one_by_one_and_half_a_line_is_none(keyboard: io.FileIO) -> None:
    typist = Typist(WallClock())
    typist.ask(PROMPT)
    assert typist.said() is None
    keyboard.write("fail: Gehäuse verbeult\r\nnone\nhalf".encode())
    keyboard.close()
    typist._thread.join(10)
    assert [typist.said(), typist.said(), typist.said()] == ["fail: Gehäuse verbeult", "none", None]


def test_what_was_typed_before_the_question_is_no_answer(keyboard: io.FileIO) -> None:
    typist = Typist(WallClock())
    typist.ask(PROMPT)
    keyboard.write(b"none\n")
    keyboard.close()
    typist._thread.join(10)
    typist.ask(PROMPT)
    assert typist.said() is None


def test_without_a_keyboard_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    typist = Typist(WallClock())
    typist.ask(PROMPT)
    typist._thread.join(10)
    assert typist.said() is None


@pytest.mark.parametrize(
    ("time", "typed", "status", "verdict"), [("wall", "none\n", 0, "PASS"), ("stepped", "fail: a dent\n", 1, "FAIL")]
)
def test_a_run_shows_the_question_and_takes_the_line_that_is_typed(
    tmp_path: Path, time: str, typed: str, status: int, verdict: str
) -> None:
    """In virtual time, too, where a minute is over at once: not for a person."""
    with serving(tmp_path, "--time", time) as twin:
        shown, returned = typed_into(tmp_path, twin.ready, typed)
    assert "type `none`, or `fail: what you see`" in shown
    assert (returned, verdict in shown) == (status, True)


def typed_into(tmp_path: Path, bench: Path, typed: str) -> tuple[str, int]:
    """What a run says that asks one question, to which this is typed; and its exit status."""
    sequence = sequence_file(tmp_path, "asks", ASKS)
    command = [sys.executable, "-m", "station", "run", sequence, "--serial", SERIAL, "--bench", str(bench)]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        shown = ""
        while "Any dent, crack or leak?" not in shown:
            line = run.stdout.readline()
            assert line, f"it ended before it asked: {shown}"
            shown += line
        run.stdin.write(typed)
        run.stdin.flush()
        shown += run.stdout.read()
    return shown, run.returncode
