"""`station export`: the measurements of many runs as one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from station.cli.errors import WrongUsage


def export(
    data: Annotated[Path, typer.Option("--data", help="Folder with runs")] = Path("data"),
    to: Annotated[Path, typer.Option("--to", help="CSV file to write")] = Path("measurements.csv"),
) -> int:
    """Write the measurements of all runs of a data folder as a table, one row each."""
    from station.records.export import measurements

    table, unreadable = measurements(data)
    for problem in unreadable:
        typer.echo(problem, err=True)
    if table.empty:
        raise WrongUsage(f"--data: there is no run with a record in {data}")
    table.to_csv(to, index=False)
    typer.echo(f"{len(table)} measurements of {table['run'].nunique()} runs in {to}")
    return 0
