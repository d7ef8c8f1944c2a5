"""Runs of a few steps on the simulated bench with its file changed: other instruments, a tighter envelope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from actions.short_runs import KNOWN
from bench_runs import SERIAL, Rig

from station.studies.rig import Station
from station.studies.simulation import DEFAULT_STATE, read_simulated

HERE = Path(__file__).parents[2]
DRAWN = "  - {step: drawn, discharge: full, for: full_charge_time}\n"
"""5 s of 100 A."""
FILL = "  - {step: fill, charge: standard, for: full_charge_time}\n"
"""The same of 20 A, into a pack that has room for it."""
SUPPLY = '{model: chroma-62050p-100-100, at: "TCPIP::127.0.0.1::0::SOCKET", serial: SIM62050P01}'
LOAD = '{model: chroma-63210a-150-1000, at: "TCPIP::127.0.0.1::0::SOCKET", serial: SIM63210A01}'
WATCHDOG = "    watchdog:    {by: switch, output: 302.0}"


def box(model: str) -> str:
    """The entry of a simulated instrument of some model."""
    return f'{{model: {model}, at: "TCPIP::127.0.0.1::0::SOCKET", serial: SIM0001}}'


def bench_file(folder: Path, changes: Mapping[str, str], name: str = "simulated") -> str:
    """The path of a bench file of the library with pieces of its text exchanged; each must be there, once."""
    text = (HERE / f"fixtures/benches/{name}.yaml").read_text("utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "changed.yaml"
    path.write_text(text, "utf-8")
    return str(path)


@contextmanager
def rig_on(folder: Path, steps: str, changes: Mapping[str, str]) -> Iterator[Rig]:
    """A rig for what makes a pack known and then `steps`, on such a bench."""
    path = folder / "short.yaml"
    path.write_text(f"sequence: short\ntitle: Short\npack: bali48\nsteps:\n  - use: [{KNOWN}]\n{steps}", "utf-8")
    station = Station.of(str(path), bench_file(folder, changes))
    with station.rig(read_simulated(station.files, DEFAULT_STATE, (), 1), SERIAL) as rig:
        rig.simulation = None  # the run takes it for a real bench, as the wires let it
        yield rig
