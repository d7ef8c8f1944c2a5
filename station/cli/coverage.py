"""`station coverage`: every fault of the library and many good packs against a sequence, on the simulated bench."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from station.cli.coverage_tables import data_of, show
from station.cli.errors import WrongUsage
from station.cli.run import plain_serial
from station.studies import coverage as study
from station.studies.pool import try_all
from station.studies.rig import Station
from station.studies.trial import Case, Tried

PACKS, WIDTH = 200, 180
"""Good packs; columns where the output is no terminal."""


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
    out: Annotated[Path | None, typer.Option("--json", help="File that gets every run and every margin")] = None,
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
    found = study.Coverage(tuple(_watched(cases, try_all(cases, sequence, bench, serial, jobs), console)))
    show(found, console)
    if out is not None:
        out.write_text(json.dumps(data_of(found), indent=1), encoding="utf-8")
    if len(found.tried) < len(cases):
        console.print(f"[yellow]stopped after {len(found.tried)} of {len(cases)} runs")
    return 0 if found.good and len(found.tried) == len(cases) else 1


def _watched(cases: tuple[Case, ...], trials: Iterator[Tried], console: Console) -> Iterator[Tried]:
    """The trials, with a bar while they come in; Ctrl-C ends them, and what is known by then counts."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    wrong = 0
    with bar:
        task = bar.add_task("", total=len(cases), rate="")
        try:
            for each in trials:
                wrong += not each.outcome.good
                said, speed = f"[red]{wrong} wrong[/]" if wrong else "none wrong", bar.tasks[0].speed
                bar.update(task, advance=1, description=said, rate=f"{speed:.2f} runs/s" if speed else "")
                yield each
        except KeyboardInterrupt:
            return
