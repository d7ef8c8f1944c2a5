"""In virtual time a run gives the same evidence again, whatever else the machine has to do."""

from pathlib import Path

from bench_runs import rig
from benchmarks.determinism import burning, essence

SEQUENCE = """\
sequence: again
title: Lamps, readings, a trip and its waveform, silent lines before the start and after the shutdown
pack: bali48
steps:
  - step: start
    gate: true
    press_key: start
    expect: [{lamps: lamp_test}, {answers: rs485_a}]
  - step: window
    gate: true
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: factory_window}
  - step: identity
    gate: true
    require: serial_number
  - step: rest
    measure: [pack_voltage_error, cell_sum_error, cell_spread_rest, temperature_error, current_zero]
  - step: trip
    trip: discharge_overcurrent
    by: direct_drive
  - step: shutdown
    press_key: shutdown
    expect: [{lamps: asleep}, {silent: rs485_a, terminals: dead, contacts: dead}]
"""


def evidence(folder: Path) -> bytes:
    folder.mkdir()
    sequence = folder / "again.yaml"
    sequence.write_text(SEQUENCE, encoding="utf-8")
    with rig(sequence=str(sequence)) as bench:
        return essence(bench.run(folder).record.canonical())


def test_runs_are_identical_to_the_last_byte_idle_and_under_load(tmp_path: Path) -> None:
    first, second, third = (evidence(tmp_path / name) for name in ("first", "second", "third"))
    with burning():
        under_load = evidence(tmp_path / "under load")
    assert b"pack_voltage_error" in first
    assert first == second == third == under_load
