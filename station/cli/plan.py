"""`station plan` and `station trace`: what a sequence will do, and what it proves, before anything is touched."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

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
    resolved = make_plan(files, sequence, files.bench(bench), serial, slot)
    console = Console()
    where = f"{resolved.bench.bench}, slot {slot}"
    console.print(
        f"[bold]{escape(resolved.sequence.title)}[/] for {resolved.pack.pack} on {escape(where)}", highlight=False
    )
    console.print(_steps(resolved))
    console.print(_summary(resolved), highlight=False)
    return 0


def _steps(resolved: Plan) -> Table:
    """One row for each step, inner ones indented."""
    table = Table("step", "does", "gate", Column("least s", justify="right"), box=box.SIMPLE_HEAD, pad_edge=False)
    for planned in (each for top in resolved.steps for each in top.walk()):
        does = f"[dim]not tested: {escape(planned.skipped)}[/]" if planned.skipped else escape(_does(planned.step))
        gate = "gate" if planned.step.gate else ""
        table.add_row("  " * planned.depth + planned.step.step, does, gate, f"{planned.floor_s:.1f}")
    return table


def _summary(resolved: Plan) -> Table:
    """The floor with its critical path, which is the steps that it is the sum of; the hash with all that it covers."""
    path = [f"{planned.step.step} {planned.floor_s:.1f}" for planned in resolved.steps if planned.floor_s > 0]
    table = Table.grid(padding=(0, 2))
    table.add_row("floor", f"{resolved.floor_s:.1f} s = {' + '.join(path)}")
    table.add_row("plan", f"{resolved.sha256}  sha256")
    for file in resolved.files:
        table.add_row("", f"{file.sha256}  {file.path}")
    return table


def _does(step: Step) -> str:
    """What a step does, in the words of its file."""
    written = step.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
    ends = "".join(f" {word} {written[word]}" for word in ("until", "for") if word in written)
    how = {"trip": f" by {' and '.join(step.by)}", "discharge": ends, "charge": ends}
    words = [word for word in ("under", *step.actions()) if word in written]
    return "; ".join(f"{word.replace('_', ' ')} {_named(written[word])}{how.get(word, '')}" for word in words)


def _named(value: object) -> str:
    """Names and states without the punctuation of a file."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_named(inner)}".rstrip() for name, inner in value.items())
    return ", ".join(map(_named, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)


def trace(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file")],
    bench: Annotated[str, typer.Option("--bench", help="Bench to plan for")] = "simulated",
) -> int:
    """Show for every requirement of the product which step proves it, or why none does."""
    files = Files(Library.default())
    resolved = make_plan(files, sequence, files.bench(bench), None)
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
