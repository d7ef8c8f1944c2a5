"""`station coverage`: every fault of the library and many good packs against a sequence, on the simulated bench."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from station import disk
from station.cli.coverage_progress import watched
from station.cli.coverage_tables import data_of, show
from station.cli.errors import WrongUsage
from station.cli.run import plain_serial
from station.clock import Clock, WallClock
from station.studies import coverage as study
from station.studies.pool import try_all
from station.studies.rig import Station
from station.studies.trial import Tried

PACKS, WIDTH = 200, 180
"""Good packs; columns where the output is no terminal."""
KEPT_EVERY = 5.0
"""Seconds after which the file with what is known is written again."""


def coverage(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file: eol")],
    bench: Annotated[str, typer.Option("--bench", help="A simulated bench")] = "simulated",
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="Only this fault, by name or file; may be repeated")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=0, help="Packs in which each fault is tried")] = 3,
    packs: Annotated[
        int | None, typer.Option("--packs", min=0, help=f"Good packs: {PACKS}, or none with --fault or --pack")
    ] = None,
    pack: Annotated[
        list[int] | None, typer.Option("--pack", help="Only the good pack of this seed; may be repeated")
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", min=0, help="Runs with two of the faults at once")] = 0,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Only so many of the runs with one fault")
    ] = None,
    draw: Annotated[
        str, typer.Option("--draw", help="Text that the sample, the pairs and the good packs are drawn from: a commit")
    ] = "",
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, help="Runs at a time; one for each core")] = None,
    serial: Annotated[str, typer.Option("--serial", help="Serial number of the simulated packs")] = "BALI48-000001",
    out: Annotated[
        Path | None, typer.Option("--json", help="File that gets every run and every margin, as they come in")
    ] = None,
) -> int:
    """Try every fault in fixtures/faults/ and many good packs: which are caught, by which step, and which are not.

    No certificates are made. Exit status: 0 all as expected, 1 a fault escaped or a good pack was rejected, 2 wrong
    usage or invalid file.
    """
    station = Station.of(sequence, bench)
    if station.bench.kind != "simulated":
        raise WrongUsage(f"--bench: {station.bench.bench} is a real bench; coverage is measured on simulated ones")
    plan, state = station.plan(plain_serial(serial)), study.default_state(station.files)
    faults = () if pack and not fault else study.faults_for(plan, station.files, fault or ())
    single = study.fault_cases(faults, state, seeds)
    count = packs if packs is not None else 0 if fault or pack else PACKS
    cases = (
        *(single if sample is None else study.drawn(single, sample, draw)),
        *study.pair_cases(faults, state, pairs, draw),
        *study.good_cases(state, (*(pack or ()), *study.good_seeds(count, draw))),
    )
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    clock = WallClock()
    _keep(out, ())
    trials = watched(len(cases), try_all(cases, sequence, bench, serial, jobs), Console(stderr=True), clock)
    found = study.Coverage(_keeping(out, trials, clock))
    show(found, console)
    if len(found.tried) < len(cases):
        console.print(f"[yellow]stopped after {len(found.tried)} of {len(cases)} runs")
    return 0 if found.good and len(found.tried) == len(cases) else 1


def _keeping(path: Path | None, trials: Iterator[Tried], clock: Clock) -> tuple[Tried, ...]:
    """All trials; what is known so far is in the file, whole, not older than a few seconds, whatever happens."""
    tried, since = list[Tried](), clock.now()
    for each in trials:
        tried.append(each)
        if clock.now() - since >= KEPT_EVERY:
            _keep(path, tried)
            since = clock.now()
    _keep(path, tried)
    return tuple(tried)


def _keep(path: Path | None, tried: Sequence[Tried]) -> None:
    """Raises WrongUsage where the file cannot be written."""
    if path is None:
        return
    try:
        disk.replace(path, json.dumps(data_of(study.Coverage(tuple(tried))), indent=1).encode())
    except OSError as error:
        raise WrongUsage(f"--json: {path} cannot be written: {error.strerror}") from None
