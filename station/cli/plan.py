"""`station plan` and `station trace`: what a sequence will do, and what it proves, before anything is touched."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.model.pack import Pack
from station.model.sequence import Step
from station.run.plan import Files, Plan, PlannedStep, make_plan


def plan(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file")],
    bench: Annotated[str, typer.Option("--bench", help="Name of a bench in fixtures/benches/, or a file")],
    serial: Annotated[
        str | None, typer.Option("--serial", help="Serial number; says which product of the sequence is meant")
    ] = None,
    slot: Annotated[int, typer.Option("--slot", help="Slot of the bench")] = 1,
) -> int:
    """Resolve a sequence against a bench and a pack, and show the plan, its hash and its floor."""
    files = Files(Library.default())
    resolved = make_plan(files, sequence, build(files.open("bench", bench), Bench), serial, slot)
    console = Console()
    console.print(
        f"[bold]{escape(resolved.sequence.title)}[/] for {escape(resolved.pack.title)} "
        f"on {escape(resolved.bench.title)}, slot {slot}"
    )
    table = Table("step", "does", "gate", "least s")
    for planned in (each for top in resolved.steps for each in top.walk()):
        does = f"[dim]not tested: {escape(planned.skipped)}[/]" if planned.skipped else ", ".join(_does(planned.step))
        table.add_row(
            "  " * planned.depth + planned.step.step,
            does,
            "gate" if planned.step.gate else "",
            f"{planned.floor_s:.1f}",
        )
    console.print(table)
    console.print(f"floor  {resolved.floor_s:.1f} s, along {' + '.join(_longest(resolved))}", highlight=False)
    console.print(f"plan   sha256 {resolved.sha256}", highlight=False, soft_wrap=True)
    for file in resolved.files:
        console.print(f"       {file.sha256}  {file.path}", highlight=False, soft_wrap=True)
    return 0


def _does(step: Step) -> list[str]:
    under = [f"under {step.under.charge or step.under.discharge}"] if step.under else []
    return [*under, *(word.replace("_", " ") for word in step.actions())]


def _longest(resolved: Plan) -> list[str]:
    """The critical path: the steps that the floor is the sum of."""
    return [f"{planned.step.step} {planned.floor_s:.1f}" for planned in resolved.steps if planned.floor_s > 0]


def trace(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file")],
    bench: Annotated[str, typer.Option("--bench", help="Bench to plan for")] = "simulated",
) -> int:
    """Show for every requirement of the product which step proves it, or why none does."""
    files = Files(Library.default())
    resolved = make_plan(files, sequence, build(files.open("bench", bench), Bench), None)
    proven = _proofs(resolved)
    family = resolved.sequence.sequence.removesuffix("-full")
    counts: Counter[str] = Counter()
    for requirement in resolved.pack.requirement.values():
        steps = proven.get(requirement.id)
        if steps:
            state, by = "proven", ", ".join(sorted(steps))
        elif requirement.method == "not_testable_at_eol":
            state, by = "not testable here", requirement.text.partition("Not here: ")[2] or "see its text"
        elif family in requirement.sequences:
            state, by = "not yet", "owed by this sequence"
        else:
            state, by = "elsewhere", ", ".join(sorted(requirement.sequences))
        counts[state] += 1
        typer.echo(f"{requirement.id:<14}{state:<19}{by}")
    typer.echo(", ".join(f"{number} {state}" for state, number in counts.most_common()))
    return 0


def _proofs(resolved: Plan) -> dict[str, set[str]]:
    proven: dict[str, set[str]] = {}
    for planned in (each for top in resolved.steps for each in top.walk()):
        for requirement in _proves(planned, resolved.pack):
            proven.setdefault(requirement, set()).add(planned.path)
    return proven


def _proves(planned: PlannedStep, pack: Pack) -> list[str]:
    step = planned.step
    rows = [pack.limits[step.limit_of(name)].proves for name in step.measure]
    trips = [tuple(key.removeprefix("REQ-") for key in pack.protection[name].proves) for name in step.trip]
    return [*step.verifies, *(f"REQ-{key}" for row in (*rows, *trips) for key in row)]
