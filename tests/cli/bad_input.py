"""Input that is good until a test spoils it at one place, and the commands that read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parents[2]
SERIAL = "BALI48-000001"
SEQUENCE = """\
sequence: mine
title: A short test
pack: [bali48]
steps:
  - step: start
    gate: true
    press_key: start
    expect: {lamps: lamp_test}
  - step: window
    measure: [polarity, terminal_voltage]
    limit: {terminal_voltage: factory_window}
  - step: standby
    expect: {lamps: standby, for: 2 periods}
    meanwhile:
      - step: contacts
        expect: {contacts: healthy}
  - step: charging
    under: {charge: standard}
    measure: current_error
  - step: trip
    under: {charge: standard}
    trip: cell_overvoltage
    by: shift
    expect: {released: after_restore}
"""

Refused = Callable[..., list[str]]
"""Carries a command out, sees that it is refused and leaves nothing behind, and returns what it said in lines."""


def run_of(sequence: str = "mine.yaml", *, bench: str = "simulated", serial: str = SERIAL) -> list[str]:
    """What a person types to run a sequence."""
    return ["run", sequence, "--serial", serial, "--bench", bench, "--data", "data"]


def changed(text: str, old: str, new: str) -> tuple[str, str]:
    """The text with its first `old` replaced; the mark `^` in `new` is the place that is returned as `line:column`."""
    assert old in text
    before, _, after = text.partition(old)
    up_to = before + new.partition("^")[0]
    place = f"{up_to.count(chr(10)) + 1}:{len(up_to.rpartition(chr(10))[2]) + 1}"
    return before + new.replace("^", "") + after, place


def library_file(kind: str, name: str, old: str, new: str) -> tuple[str, str]:
    """A file of the library, changed, in the working directory where it comes first; its name and the place."""
    text, place = changed((HERE / f"fixtures/{kind}/{name}.yaml").read_text("utf-8"), old, new)
    path = Path(f"fixtures/{kind}/{name}.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return str(path), place
