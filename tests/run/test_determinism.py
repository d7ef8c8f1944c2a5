"""In virtual time a run gives the same evidence again, whatever else the machine has to do."""

from pathlib import Path

from bench_runs import rig
from benchmarks.determinism import burning, essence
from short_sequences import FROM_START_TO_SHUTDOWN, sequence_file


def evidence(folder: Path) -> bytes:
    folder.mkdir()
    with rig(sequence=sequence_file(folder, "again", *FROM_START_TO_SHUTDOWN)) as bench:
        return essence(bench.run(folder).record.canonical())


def test_runs_are_identical_to_the_last_byte_idle_and_under_load(tmp_path: Path) -> None:
    first, second, third = (evidence(tmp_path / name) for name in ("first", "second", "third"))
    with burning():
        under_load = evidence(tmp_path / "under load")
    assert b"pack_voltage_error" in first
    assert first == second == third == under_load
