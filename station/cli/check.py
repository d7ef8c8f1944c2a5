"""`station check` and `station schema`: YAML files before anybody runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from station.cli.errors import WrongUsage
from station.cli.simulate import TRIAL, read_faults, read_tried_state
from station.codecs.pace_commands import Commands, commands
from station.model.bench import Bench
from station.model.fault import FaultFile
from station.model.files import Document, Fault, InvalidFile, build, nearest, read
from station.model.library import FOLDERS, Library
from station.model.pack import Pack
from station.model.protocol import Protocol, read_protocol
from station.model.record import Record
from station.model.sequence import Sequence
from station.report.wording_file import WordingError, load_wording
from station.run.checking import Files, check_bench, check_sequence
from station.twin.states import State

SCHEMAS: Mapping[str, TypeAdapter[Any]] = {
    "sequence": TypeAdapter(Sequence),
    "pack": TypeAdapter(Pack),
    "protocol": TypeAdapter(Protocol | Commands),
    "bench": TypeAdapter(Bench),
    "twin": TypeAdapter(State),
    "fault": TypeAdapter(FaultFile),
    "record": TypeAdapter(Record),
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files to check; none: every file of the library", metavar="[FILE ...]")
    ] = None,
) -> int:
    """Validate YAML files: sequences, packs, protocols, benches, twins, faults, report wordings.

    Prints file:line:column and what is wrong, one line each; exit status 2 if anything is.
    """
    files = Files(Library.default())
    chosen = paths or list(_everything(files.library))
    faults, to_be_tried = set[Fault](), list[Document]()
    for path in chosen:
        try:
            kind, document = _opened(path, files)
            if kind == "fault":
                to_be_tried.append(document)
            else:
                for note in _CHECKS[kind](document, files):
                    typer.echo(note)
        except InvalidFile as error:
            faults.update(error.faults)
    try:
        read_faults(files, to_be_tried)
    except InvalidFile as error:
        faults.update(error.faults)
    if faults:
        typer.echo(str(InvalidFile(faults)), err=True)
        return 2
    typer.echo(f"{len(chosen)} file{'s' if len(chosen) != 1 else ''} checked, nothing wrong")
    return 0


def _everything(library: Library) -> Iterator[Path]:
    for kind in FOLDERS:
        yield from (library.find(kind, name) for name in library.names(kind))


def _opened(path: Path, files: Files) -> tuple[str, Document]:
    """A file and what its first key says it is; raises InvalidFile."""
    document = read(path)
    kind = next(iter(document.data), "")
    if kind not in (known := {*_CHECKS, "fault"}):
        raise document.refuse((), f"the first key `{kind}` says nothing known{nearest(kind, known)}")
    if path.resolve().parent in [(root / FOLDERS[kind]).resolve() for root in files.library.roots]:
        files.library.open(kind, path.stem)
    return kind, document


def _sequence(document: Document, files: Files) -> list[str]:
    own = Files(files.library)
    faults, notes = check_sequence(own, *own.sequence(str(document.path)))
    _refuse(faults)
    return notes


def _pack(document: Document, files: Files) -> list[str]:
    files.protocol(files.pack(str(document.path)))
    return []


def _protocol(document: Document, files: Files) -> list[str]:
    """A map of registers, or the commands that go by the names of such a map."""
    if "commands" in document.data:
        commands(document, files.protocol(files.pack(TRIAL.pack)))
    else:
        read_protocol(document.path)
    return []


def _bench(document: Document, files: Files) -> list[str]:
    del files
    _refuse([*check_bench(document, build(document, Bench))])
    return []


def _state(document: Document, files: Files) -> list[str]:
    read_tried_state(files, document)
    return []


def _report(document: Document, files: Files) -> list[str]:
    del files
    try:
        load_wording(document.path)
    except WordingError as error:
        raise InvalidFile(_told(document, line) for line in str(error).splitlines()) from None
    return []


def _told(document: Document, line: str) -> Fault:
    """A line `path:line:column: message` of the wording's reader as a fault."""
    at, _, message = line.removeprefix(f"{document.path}:").partition(": ")
    row, _, column = at.partition(":")
    numbers = row.isdecimal() and column.isdecimal()
    return Fault(str(document.path), int(row), int(column), message) if numbers else document.fault((), line)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise InvalidFile(faults)


_CHECKS: Mapping[str, Callable[[Document, Files], list[str]]] = {
    "sequence": _sequence,
    "pack": _pack,
    "protocol": _protocol,
    "bench": _bench,
    "twin": _state,
    "report": _report,
}
"""What is checked of a file beyond its YAML, by its first key; returns notes, raises InvalidFile."""


def schema(
    kind: Annotated[
        Literal["sequence", "pack", "protocol", "bench", "twin", "fault", "record"],
        typer.Argument(help="Which kind of file"),
    ],
) -> int:
    """Print the JSON Schema of a kind of file, for editors that complete and check while one types."""
    if kind not in SCHEMAS:
        raise WrongUsage(f"no schema for {kind}")
    typer.echo(json.dumps(schema_of(kind), indent=2, sort_keys=True))
    return 0


class _AsWritten(GenerateJsonSchema):
    """What is read from a text, and does not say how: the text or number may stand there as well as what it becomes."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A field with a reader of its own."""
        becomes = super().function_before_schema(schema)
        says_how = "json_schema_input_schema" in schema
        return becomes if says_how else {"anyOf": [becomes, {"type": ["string", "number"]}]}

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        """A value that JSON does not have, such as a range of addresses."""
        del schema
        return {"type": ["string", "integer"]}


def schema_of(kind: str) -> dict[str, object]:
    """The JSON Schema of a kind of file, draft 2020-12."""
    return {"$schema": DIALECT, **SCHEMAS[kind].json_schema(by_alias=True, schema_generator=_AsWritten)}
