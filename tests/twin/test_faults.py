"""Faults in time, on a root of a few names; and the fault files of the library as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from station.cli.main import status
from station.model.fault import FaultFile
from station.model.files import build
from station.model.library import Library
from station.model.sequence import Step, read_sequence, walk
from station.model.verdict import Verdict
from station.twin.faults import Faults, misfits
from station.twin.parameters import UnknownParameter

LIBRARY = Library.default()
NAMES = LIBRARY.names("fault")
REFERENCES = {
    f"{kind}{number:02}"
    for kind, last in {"D": 52, "C": 7, "B": 18, "O": 8, "P": 9}.items()
    for number in range(1, last + 1)
}
BESIDES_STEPS = {"start-checks", "verify"}


def twin() -> SimpleNamespace:
    return SimpleNamespace(bms=SimpleNamespace(silent=False), cells=SimpleNamespace(r0=np.full(3, 1e-3)), current=0.0)


def fault(when: dict[str, Any] | None = None, **change: Any) -> FaultFile:
    changed = {name.replace("__", "."): value for name, value in change.items()} or {"bms.silent": True}
    data = {"fault": "it", "title": "It breaks", "class": "pack", "change": changed, "when": when}
    return FaultFile.model_validate(data)


def story(when: dict[str, Any] | None, *moments: tuple[float, float], step_at: float = 1e9) -> list[bool]:
    """Whether the fault is there at each (time, current); the step `it` begins at a time."""
    root, file = twin(), fault(when)
    faults = Faults(root, [file])
    there = []
    for now, current in moments:
        root.current = current
        if now >= step_at:
            faults.step_began("it")
        faults.settle(now)
        there.append(root.bms.silent)
    return there


def test_without_when_a_fault_is_there_from_the_start() -> None:
    assert story(None, (0, 0), (9, 0)) == [True, True]


def test_at_a_time_it_sets_in_and_stays() -> None:
    assert story({"at": "5 s"}, (0, 0), (4.9, 0), (5, 0), (9, 0)) == [False, False, True, True]


def test_at_a_step_it_sets_in_and_stays() -> None:
    assert story({"step": "it"}, (0, 0), (5, 0), (9, 0), step_at=5) == [False, True, True]


def test_for_a_time_it_ends_and_does_not_come_back() -> None:
    assert story({"at": "5 s", "for": "2 s"}, (5, 0), (6.9, 0), (7, 0), (20, 0)) == [True, True, False, False]


def test_while_a_condition_holds_it_comes_and_goes() -> None:
    moments = ((0, 0), (1, -60), (2, -49), (3, -51), (4, 0))
    assert story({"while": {"current": "below -50 A"}}, *moments) == [False, True, False, True, False]


def test_once_a_condition_has_held_it_stays() -> None:
    assert story({"once": {"current": "below -50 A"}}, (0, 0), (1, -60), (2, 0)) == [False, True, True]


def test_a_condition_counts_only_from_its_step_or_time_on() -> None:
    moments = ((0, -60), (5, -60), (6, 0))
    assert story({"step": "it", "while": {"current": "below -50 A"}}, *moments, step_at=5) == [False, True, False]
    assert story({"at": "5 s", "once": {"current": "below -50 A"}}, *moments) == [False, True, True]


def test_all_conditions_must_hold() -> None:
    when = {"while": {"current": "below -50 A", "bms.silent": False}}
    assert story(when, (0, -40), (1, -60)) == [False, True]


def test_what_ends_is_put_back_as_it_was_also_in_arrays() -> None:
    root = twin()
    root.cells.r0[:] = 1e-3, 2e-3, 3e-3
    faults = Faults(root, [fault({"for": "1 s"}, cells__r0="times 5", current="plus 3 A")])
    faults.settle(0.0)
    assert (root.cells.r0 == [5e-3, 10e-3, 15e-3]).all()
    assert root.current == 3.0
    faults.settle(1.0)
    assert (root.cells.r0 == [1e-3, 2e-3, 3e-3]).all()
    assert root.current == 0.0


def test_a_twin_gets_the_strongest_magnitude() -> None:
    root = twin()
    Faults(root, [fault(None, current=["1 A", "2 A", "9 A"])]).settle(0.0)
    assert root.current == 9.0


def test_time_is_asked_for_where_a_fault_sets_in_and_ends() -> None:
    faults = Faults(twin(), [fault({"at": "5 s", "for": "2 s"})])
    assert faults.due(0.0) == 5.0
    faults.settle(5.0)
    assert faults.due(5.0) == 7.0
    faults.settle(7.0)
    assert faults.due(7.0) == float("inf")


def test_a_fault_that_does_not_fit_is_said_with_its_name() -> None:
    with pytest.raises(UnknownParameter, match=r"fault it: .*no parameter `silnt`"):
        Faults(twin(), [fault(None, bms__silnt=True)]).settle(0.0)


def test_every_misfit_is_found_and_nothing_is_changed() -> None:
    root = twin()
    when = {"once": {"curent": "below 1 A", "cells.r0": "above 1 mOhm"}}
    file = fault(when, current=["1 A", "one"], bms__silent=True, cells__r1=0.1)
    places = [place for place, _ in misfits(root, file)]
    assert places == [("change", "cells.r1"), ("change", "current"), ("change", "cells.r1"), *_once(when)]
    assert (root.current, root.bms.silent) == (0.0, False)


def _once(when: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    return (("when", "once", name) for name in when["once"])


def test_a_single_run_refuses_a_deed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "eol", "--serial", "BALI48-000001", "--bench", "simulated", "--data", str(tmp_path)]
    assert status([*run, "--fault", "wrong-serial-scanned"]) == 2
    assert "`station coverage` carries it out" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------- the files as a whole


@pytest.fixture(scope="module")
def files() -> dict[str, FaultFile]:
    return {name: build(LIBRARY.open("fault", name), FaultFile) for name in NAMES}


@pytest.fixture(scope="module")
def steps() -> dict[str, set[str]]:
    return {name: _steps(name) | BESIDES_STEPS for name in LIBRARY.names("sequence")}


def _steps(name: str) -> set[str]:
    """Every step of a sequence as a fault file names it: with the step that it stands in."""
    paths: dict[tuple[str | int, ...], str] = {}
    for step, at in walk(read_sequence(LIBRARY.open("sequence", name)).steps):
        if isinstance(step, Step):
            outer = next((path for above, path in paths.items() if at[: len(above)] == above), "")
            paths[at] = f"{outer}/{step.step}".strip("/")
    return set(paths.values())


def test_every_fault_of_the_list_has_a_file(files: dict[str, FaultFile]) -> None:
    assert {file.reference for file in files.values()} - {None} == REFERENCES


def test_every_file_says_what_must_come_of_it_and_what_to_do(files: dict[str, FaultFile]) -> None:
    silent = [name for name, file in files.items() if not (file.expect and file.cause and file.remedy)]
    assert silent == []


def test_no_fault_of_bench_line_person_or_computer_is_a_verdict_on_the_pack(files: dict[str, FaultFile]) -> None:
    failing = {
        name for name, file in files.items()
        if file.class_ != "pack" and file.expect and file.expect.verdict is Verdict.FAIL
    }  # fmt: skip
    assert failing == set()


def test_a_fault_is_caught_by_steps_that_there_are(files: dict[str, FaultFile], steps: dict[str, set[str]]) -> None:
    caught_by = {(name, step) for name, file in files.items() if file.expect for step in file.expect.steps}
    elsewhere = {(name, step) for name, step in caught_by if step not in steps["eol"]}
    assert elsewhere == {("no-lock", "overcurrent-lock"), ("lock-stays", "unlock")}
    assert {step for _, step in elsewhere} <= steps["eol-full"]


def test_a_fault_that_waits_for_a_step_waits_for_one_that_there_is(
    files: dict[str, FaultFile], steps: dict[str, set[str]]
) -> None:
    waited_for = {(name, file.when.step) for name, file in files.items() if file.when and file.when.step}
    waited_for |= {
        (name, step)
        for name, file in files.items()
        for word in ("stop_at", "kill_at", "power_loss_at", "at_step")
        if (step := getattr(file.do, word, None))
    }
    assert {(name, step) for name, step in waited_for if step not in steps["eol"]} == set()


def test_a_pack_fault_that_passes_is_a_gap_or_put_right(files: dict[str, FaultFile]) -> None:
    passing = {
        name for name, file in files.items()
        if file.class_ == "pack" and file.expect and file.expect.verdict is Verdict.PASS and not file.expect.gap
    }  # fmt: skip
    assert passing == {"blank-serial-number"}
