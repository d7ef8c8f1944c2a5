"""Runs of a few steps on the simulated bench: the steps of eol that make a pack known, and then those of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench_runs import Ran, Rig, rig

KNOWN = "eol/start, eol/window, eol/identity"
DRAWN = "  - {step: drawn, discharge: full, for: full_charge_time}\n"
"""Room for a charge: a fresh pack is full."""


@contextmanager
def short_rig(
    tmp_path: Path, steps: str, change: Mapping[str, str | float | bool] | None = None, known: str = KNOWN
) -> Iterator[Rig]:
    """A rig for a sequence of the steps `known` of eol and then `steps`, with parameters of the twin changed."""
    path = tmp_path / "short.yaml"
    path.write_text(f"sequence: short\ntitle: Short\npack: bali48\nsteps:\n  - use: [{known}]\n{steps}", "utf-8")
    with rig(sequence=str(path)) as bench:
        for name, value in (change or {}).items():
            bench.twin.set(name, value)
        yield bench


def short_run(
    tmp_path: Path,
    steps: str,
    change: Mapping[str, str | float | bool] | None = None,
    look: Callable[[Rig], None] = lambda bench: None,
) -> Ran:
    """Carry such a sequence out; `look` may prepare the rig."""
    with short_rig(tmp_path, steps, change) as bench:
        look(bench)
        return bench.run(tmp_path)
