"""`station approve`: somebody answers for the files of a sequence; from then on products are tested by no others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from station.cli.errors import WrongUsage
from station.model.library import Library
from station.report.issue import KeyStoreError
from station.report.keys import KeyStore, default_folder
from station.run.approval import approve as sign_approval
from station.run.approval import kind_of
from station.run.plan import Files, make_plan


def approve(
    sequence: Annotated[str, typer.Argument(help="Name of a sequence in sequences/, or a file: eol")],
    bench: Annotated[str, typer.Option("--bench", help="Name of a bench in fixtures/benches/, or a file")],
    by: Annotated[str, typer.Option("--by", help="Who answers for it: name or badge")],
    data: Annotated[Path, typer.Option("--data", help="Folder in which the runs are stored")] = Path("data"),
) -> int:
    """Approve a sequence with its limits, as the files are now, for one bench.

    Sequence, pack, protocol and bench files are approved by their hashes, signed with the station's key, in the data
    folder. From then on a run of that sequence for production, retest, rework or golden is BLOCKED where a file
    differs, and says which; approve again to release a change. `station plan SEQUENCE --bench BENCH` shows what is
    approved. Exit status: 0 approved, 2 wrong usage or invalid file.
    """
    if not by.strip():
        raise WrongUsage("--by: say who answers for it")
    files = Files(Library.default())
    plan = make_plan(files, sequence, files.bench(bench), None)
    try:
        keys = KeyStore(default_folder()).keys(kind_of(plan))
        approval = sign_approval(data, files, plan, by.strip(), datetime.now(UTC), keys)
    except KeyStoreError as error:
        raise WrongUsage(str(error)) from None
    except OSError as error:
        raise WrongUsage(f"--data: {data} cannot be written: {error.strerror}") from None
    typer.echo(f"{approval.sequence} on {approval.bench}: {approval}, plan {approval.plan_sha256}")
    for file in approval.files:
        typer.echo(f"  {file.sha256}  {file.path}")
    return 0
