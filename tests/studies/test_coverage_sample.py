"""A sample of the coverage study, drawn anew by each commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from station.studies import coverage as study
from station.studies.pool import try_all
from station.studies.rig import Station
from station.studies.trial import Tried

SERIAL = "BALI48-000001"
FAULTS, PAIRS, PACKS, JOBS = 16, 4, 10, 2


def commit() -> str:
    """The hash of the commit that is tested, or a fixed text where there is none."""
    here = Path(__file__).parent
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:
        return "no commit"
    return asked.stdout.strip() or "no commit"


def told(trials: tuple[Tried, ...]) -> str:
    return "\n".join(
        f"{each.case.name}, {each.case.setting}, seed {each.case.seed}: {each.outcome}, {_must(each)} expected, "
        f"{each.verdict} at {each.step}: {each.reason}"
        for each in trials
    )


def _must(each: Tried) -> str:
    return " or ".join(" ".join([must.verdict, *must.steps]) for must in each.case.expected)


@pytest.mark.timeout(900)
def test_no_fault_escapes_and_no_good_pack_is_rejected() -> None:
    station, draw = Station.of("eol"), commit()
    plan, state = station.plan(SERIAL), study.default_state(station.files)
    faults = study.faults_for(plan, station.files)
    cases = (
        *study.drawn(study.fault_cases(faults, state, seeds=3), FAULTS, draw),
        *study.pair_cases(faults, state, PAIRS, draw),
        *study.good_cases(state, study.good_seeds(PACKS, draw)),
    )
    found = study.Coverage(tuple(try_all(cases, "eol", "simulated", SERIAL, JOBS)))
    assert len(found.tried) == len(cases)
    assert not found.wrong, f"drawn by {draw}:\n{told(found.wrong)}"
    assert not found.rejected, f"drawn by {draw}:\n{told(found.rejected)}"
