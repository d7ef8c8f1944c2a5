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
from station.model.sequence import Step
from station.run.plan import Files, Plan, make_plan
from station.run.tracing import trace_plan


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
    traced = trace_plan(make_plan(files, sequence, files.bench(bench), None))
    for each in traced:
        typer.echo(f"{each.requirement.id:<14}{each.state:<19}{'; '.join(each.by)}")
    counts = Counter(each.state for each in traced)
    typer.echo(", ".join(f"{number} {state}" for state, number in counts.most_common()))
    return 0
