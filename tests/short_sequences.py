"""Sequence files of a few steps, for tests that need a run and not the whole test of a pack."""

from __future__ import annotations

from pathlib import Path

START = """\
  - step: start
    gate: true
    press_key: start
    expect: [{answers: rs485_a}]
"""
START_WITH_LAMPS = """\
  - step: start
    gate: true
    press_key: start
    expect: [{lamps: lamp_test}, {answers: rs485_a}]
"""
WINDOW = """\
  - step: window
    gate: true
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: factory_window}
"""
IDENTITY = """\
  - step: identity
    gate: true
    require: serial_number
"""
REST = """\
  - step: rest
    measure: [pack_voltage_error, cell_sum_error, cell_spread_rest, temperature_error, current_zero]
"""
WRITE_BACK = """\
  - step: write-back
    parameters: {write_back: cell_overvoltage.delay}
"""
TRIP = """\
  - step: trip
    trip: discharge_overcurrent
    by: direct_drive
"""
SHUTDOWN = """\
  - step: shutdown
    press_key: shutdown
    expect: [{lamps: asleep}, {silent: rs485_a, terminals: dead, contacts: dead}]
"""
FROM_START_TO_SHUTDOWN = (START_WITH_LAMPS, WINDOW, IDENTITY, REST, TRIP, SHUTDOWN)
"""A run with silent lines before it and after it, lamps, readings, a trip and its waveform; nothing is written."""


def sequence_file(folder: Path, name: str, *steps: str) -> str:
    """The path of a new sequence file with these steps, which are texts of this module or of a test."""
    path = folder / f"{name}.yaml"
    path.write_text(f"sequence: {name}\ntitle: A short test\npack: bali48\nsteps:\n{''.join(steps)}", encoding="utf-8")
    return str(path)
