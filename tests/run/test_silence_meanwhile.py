"""A pack that falls silent while another step waits for it: the run ends there, and nothing is switched on again."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import KNOWN, short_rig

from station.bench import Port
from station.instruments.chroma_63210a import Chroma63210A
from station.model.events import StepStarted

TRIPPED = f"{KNOWN}, eol/discharge-overcurrent"
RECOVERY = """\
  - step: recovery
    expect: {released: discharge_overcurrent}
    measure: overcurrent_recovery
    meanwhile:
      - step: write-one
        parameters: {write_back: cell_sleep_delay}
      - step: never
        measure: fault_flags
"""


def test_nothing_is_switched_on_again_after_the_line_was_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    on, proves = Chroma63210A.on, Port.own_line_works
    monkeypatch.setattr(Chroma63210A, "on", lambda load: (done.append("on"), on(load))[1])
    monkeypatch.setattr(Port, "own_line_works", lambda port: (done.append("proven"), proves(port))[1])
    with short_rig(tmp_path, RECOVERY, known=TRIPPED) as bench:
        bench.at("recovery/write-one", lambda: bench.twin.set("bms.silent", True))
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL"
    assert "recovery/write-one" in ran.record.reason
    assert "on" in done
    assert "on" not in done[done.index("proven") :]
    started = [event.step for event in ran.events if isinstance(event, StepStarted)]
    assert started[-1] == "recovery/write-one"


def test_the_wait_around_it_ends_at_once(tmp_path: Path) -> None:
    with short_rig(tmp_path, RECOVERY, known=TRIPPED) as bench:
        bench.at("recovery/write-one", lambda: bench.twin.set("bms.silent", True))
        ran = bench.run(tmp_path)
    assert ran.step("recovery").duration_s < 30
    assert not [each for each in ran.record.measurements if each.step == "recovery"]
