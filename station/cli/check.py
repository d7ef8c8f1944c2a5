"""`station check` and `station schema`: YAML files before anybody runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from station.cli.errors import WrongUsage
from station.model.bench import Bench
from station.model.fault import FaultFile
from station.model.files import Document, Fault, InvalidFile, Model, build, nearest, read
from station.model.library import FOLDERS, Library
from station.model.pack import Pack
from station.model.protocol import Protocol, read_protocol
from station.model.record import Record
from station.model.sequence import Sequence
from station.report.wording_file import WordingError, load_wording
from station.run.plan import Files, check_sequence
from station.twin.states import State

SCHEMAS: dict[str, type[Model] | type[Record]] = {
    "sequence": Sequence, "pack": Pack, "protocol": Protocol, "bench": Bench, "twin": State, "fault": FaultFile, "record": Record,
}  # fmt: skip


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files to check; none: every file of the library", metavar="[FILE ...]")
    ] = None,
) -> int:
    """Validate YAML files: sequences, packs, protocols, benches, twins, faults, report wordings.

    Prints file:line:column and what is wrong, one line each; exit status 2 if anything is.
    """
    library = Library.default()
    chosen = paths if paths else list(_everything(library))
    faults: list[Fault] = []
    for path in chosen:
        try:
            for note in _checked(path, library):
                typer.echo(note)
        except InvalidFile as error:
            faults.extend(error.faults)
    for fault in faults:
        typer.echo(str(fault), err=True)
    if not faults:
        typer.echo(f"{len(chosen)} file{'s' if len(chosen) != 1 else ''} checked, nothing wrong")
    return 2 if faults else 0


def _everything(library: Library) -> Iterator[Path]:
    for kind in FOLDERS:
        yield from (library.find(kind, name) for name in library.names(kind))


def _checked(path: Path, library: Library) -> list[str]:
    """Check one file by what its first key says it is; returns notes, raises InvalidFile."""
    document = read(path)
    kind = next(iter(document.data), "")
    checks: dict[str, Callable[[], list[str]]] = {
        "sequence": lambda: _sequence(document, library),
        "pack": lambda: _pack(path, library),
        "protocol": lambda: _none(read_protocol(path)),
        "report": lambda: _report(path),
        **{
            name: (lambda model=model: _none(build(document, model)))
            for name, model in (("bench", Bench), ("twin", State), ("fault", FaultFile))
        },
    }
    if kind not in checks:
        raise document.refuse((), f"the first key `{kind}` says nothing known{nearest(kind, checks)}")
    return checks[kind]()


def _none(_: object) -> list[str]:
    return []


def _sequence(document: Document, library: Library) -> list[str]:
    faults, notes = check_sequence(Files(library), document, build(document, Sequence))
    if faults:
        raise InvalidFile(faults)
    return notes


def _pack(path: Path, library: Library) -> list[str]:
    files = Files(library)
    files.protocol(files.pack(str(path)))
    return []


def _report(path: Path) -> list[str]:
    try:
        load_wording(path)
    except WordingError as error:
        raise InvalidFile([Fault(str(path), 1, 1, str(error))]) from None
    return []


def schema(
    kind: Annotated[
        Literal["sequence", "pack", "protocol", "bench", "twin", "fault", "record"],
        typer.Argument(help="Which kind of file"),
    ],
) -> int:
    """Print the JSON Schema of a kind of file, for editors that complete and check while one types."""
    if kind not in SCHEMAS:
        raise WrongUsage(f"no schema for {kind}")
    typer.echo(json.dumps(SCHEMAS[kind].model_json_schema(by_alias=True), indent=2, sort_keys=True))
    return 0
