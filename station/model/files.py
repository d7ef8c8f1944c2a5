"""Reading a YAML file: YAML 1.2, plain data only, every fault with file, line and column.

A file is refused as a whole. All of its faults are reported at once, each in one line, so that a person mends it in one go.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 1_000_000
"""Largest file that is read; the largest pack file is about 30 kB."""
MAX_DEPTH = 30

Location = tuple[str | int, ...]
_CORE = "tag:yaml.org,2002:"
_ModelT = TypeVar("_ModelT", bound=BaseModel)


class Model(BaseModel):
    """Base of everything that is read from a file: immutable, strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _names_are_known(cls, data: object) -> object:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for name in data if isinstance(data, dict) else ():
            if name not in known and name not in cls.model_fields:
                raise PydanticCustomError("unknown_name", "unknown name `{name}`{hint}", {"name": str(name), "hint": nearest(str(name), known)})
        return data


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file; line and column count from 1."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`file:line:column: message`, as compilers print it."""
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class InvalidFile(Exception):
    """A file that cannot be used, with every fault that was found in it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Keep the faults in the order of the file."""
        self.faults = tuple(sorted(set(faults), key=lambda fault: (fault.path, fault.line, fault.column)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Document:
    """The plain data of one file, where each part of it stands, and the hash of its bytes."""

    path: Path
    data: dict[str, object]
    places: Mapping[Location, tuple[int, int]]
    sha256: str

    def fault(self, at: Location, message: str) -> Fault:
        """A fault at a place in the file, or at the nearest part around it."""
        while at not in self.places and at:
            at = at[:-1]
        line, column = self.places.get(at, (1, 1))
        return Fault(str(self.path), line, column, message)

    def refuse(self, at: Location, message: str) -> InvalidFile:
        """An InvalidFile with a single fault, ready to be raised."""
        return InvalidFile([self.fault(at, message)])


def read(path: Path) -> Document:
    """Read a YAML file as plain data; raises InvalidFile if it is missing, malformed, or more than data."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidFile([Fault(str(path), 1, 1, f"cannot be read: {error.strerror or error}")]) from None
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> Document:
    """The same for bytes already at hand; `path` is only named in faults."""
    if len(raw) > MAX_BYTES:
        raise InvalidFile([Fault(str(path), 1, 1, f"{len(raw)} bytes are too many for a file of this kind (at most {MAX_BYTES})")])
    try:
        root = YAML(typ="rt", pure=True).compose(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidFile([Fault(str(path), 1, 1, f"is not UTF-8 text (byte {error.start})")]) from None
    except MarkedYAMLError as error:
        raise InvalidFile([_yaml_fault(path, error)]) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise InvalidFile([Fault(str(path), 1, 1, f"malformed YAML: {' '.join(str(error).split())}")]) from None
    places: dict[Location, tuple[int, int]] = {}
    reader = _Reader(path, places)
    if not isinstance(root, MappingNode):
        raise InvalidFile([Fault(str(path), 1, 1, "expected `name: value` lines; the first one says what the file is")])
    data = reader.plain(root, ())
    if reader.faults:
        raise InvalidFile(reader.faults)
    assert isinstance(data, dict)
    return Document(path, data, places, hashlib.sha256(raw).hexdigest())


def _yaml_fault(path: Path, error: MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    problem = " ".join(str(error.problem or error.context or "malformed").split("\n")[0].split())
    return Fault(str(path), line, column, f"malformed YAML: {problem}")


class _Reader:
    """Turns YAML nodes into plain data and remembers where each part stood."""

    def __init__(self, path: Path, places: dict[Location, tuple[int, int]]) -> None:
        self.path = path
        self.places = places
        self.faults: list[Fault] = []
        self._open: list[Node] = []

    def plain(self, node: Node, at: Location) -> object:
        self.places.setdefault(at, (node.start_mark.line + 1, node.start_mark.column + 1))
        if node.anchor is not None or any(node is outer for outer in self._open):
            return self._refuse(node, "anchors and aliases (`&`, `*`) are not used here; write the value out")
        if len(at) > MAX_DEPTH:
            return self._refuse(node, f"nested more than {MAX_DEPTH} levels deep")
        self._open.append(node)
        try:
            return self._value(node, at)
        finally:
            self._open.pop()

    def _value(self, node: Node, at: Location) -> object:
        tag = str(node.tag) if node.tag is not None else ""
        if isinstance(node, ScalarNode):
            return self._scalar(node, tag)
        if isinstance(node, SequenceNode) and tag == _CORE + "seq":
            return [self.plain(item, (*at, index)) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode) and tag == _CORE + "map":
            return self._mapping(node, at)
        return self._refuse(node, f"`{tag.replace(_CORE, '!!')}` would construct an object; only plain data is read")

    def _mapping(self, node: MappingNode, at: Location) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else None
            if name is None:
                self._refuse(key, "a name was expected before the colon")
            elif name in result:
                self._refuse(key, f"`{name}` stands here twice")
            else:
                self.places[(*at, name)] = (key.start_mark.line + 1, key.start_mark.column + 1)
                result[name] = self.plain(value, (*at, name))
        return result

    def _scalar(self, node: ScalarNode, tag: str) -> object:
        text = str(node.value)
        quoted = node.style in ("'", '"', "|", ">")
        if quoted or tag == _CORE + "str":
            if tag in (_CORE + "str", "!", ""):
                return text
            return self._refuse(node, f"`{tag.replace(_CORE, '!!')}` would construct an object; only plain data is read")
        try:
            return _SCALARS[tag.removeprefix(_CORE)](text)
        except KeyError:
            return self._refuse(node, f"`{tag.replace(_CORE, '!!')}` would construct an object; only plain data is read")
        except ValueError:
            return text

    def _refuse(self, node: Node, message: str) -> None:
        self.faults.append(Fault(str(self.path), node.start_mark.line + 1, node.start_mark.column + 1, message))


_SCALARS = {
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    "int": lambda text: int(text.replace("_", ""), 0) if not text.lstrip("+-").startswith("0") or text.strip("+-0") == "" else text,
    "float": float,
    "timestamp": str,
}


def build(document: Document, model: type[_ModelT]) -> _ModelT:
    """Make a model of a document's data; raises InvalidFile with a fault for each thing that does not fit."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        told = [details for details in errors if details["type"] != "too_short" or len(errors) == 1]
        raise InvalidFile(_fault(document, details) for details in told) from None


def _fault(document: Document, details: ErrorDetails) -> Fault:
    at = _place(document, details["loc"])
    name = str(details["loc"][-1]) if details["loc"] else ""
    kind = details["type"]
    if kind == "unknown_name":
        return document.fault((*at, details["ctx"]["name"]), details["msg"])
    if kind == "missing":
        return document.fault(at, f"`{name}` is missing")
    message = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    where = next((str(part) for part in reversed(at) if isinstance(part, str)), "")
    return document.fault(at, f"`{where}`: {message}" if where and f"`{where}`" not in message else message)


def _place(document: Document, loc: Location, at: Location = ()) -> Location:
    """The deepest place in the file that a validation error's location leads to; union tags in between are skipped."""
    if not loc:
        return at
    skipped = _place(document, loc[1:], at)
    if (*at, loc[0]) not in document.places:
        return skipped
    return max(_place(document, loc[1:], (*at, loc[0])), skipped, key=len)


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` for the known name closest to `name`, or the list of known names when there are few."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 30 else ""
