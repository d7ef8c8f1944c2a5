"""Reading a YAML file: YAML 1.2, plain data only, every fault with file, line and column.

A file is refused as a whole. All of its faults are reported at once, each in one line, so that a person mends it in
one go.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

MAX_BYTES = 200_000
"""Largest file that is read; the largest pack file has about 30 kB."""
MAX_DEPTH = 30
NAME_ITSELF = "[key]"
"""As the last part of a location: the name before the colon, and not what stands after it."""

Location = tuple[str | int, ...]
_CORE = "tag:yaml.org,2002:"
_ModelT = TypeVar("_ModelT", bound=BaseModel)


class Model(BaseModel):
    """Base of everything that is read from a file: immutable, strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file; line and column count from 1."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`file:line:column: message` in one line, as compilers print it."""
        return one_line(f"{self.path}:{self.line}:{self.column}: {self.message}")


class InvalidFile(Exception):
    """A file that cannot be used, with every fault that was found in it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        """Keep each fault once, in the order of the file."""
        self.faults = tuple(sorted(set(faults), key=lambda each: (each.path, each.line, each.column, each.message)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True)
class Document:
    """The plain data of one file, where each part of it stands, and the hash of its bytes.

    A place is that of the value; a mapping or a list stands where its name does. A text in a list can be named by
    itself or by its index.
    """

    path: Path
    data: dict[str, object]
    places: Mapping[Location, tuple[int, int]]
    sha256: str

    def fault(self, at: Location, message: str) -> Fault:
        """A fault at a place in the file, or at the nearest part around it; one that is no list is its own item 0."""
        here: Location = ()
        for part in at:
            if (*here, part) in self.places:
                here = (*here, part)
            elif part != 0:
                break
        return Fault(str(self.path), *self.places.get(here, (1, 1)), message)

    def refuse(self, at: Location, message: str) -> InvalidFile:
        """An InvalidFile with a single fault, ready to be raised."""
        return InvalidFile([self.fault(at, message)])


# ------------------------------------------------------------------------------------------------ bytes to plain data


def read(path: Path) -> Document:
    """Read a YAML file as plain data; raises InvalidFile if it is missing, malformed, or more than data."""
    try:
        if path.is_dir():
            raise InvalidFile([Fault(str(path), 1, 1, "is a folder; expected a YAML file")])
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidFile([Fault(str(path), 1, 1, f"cannot be read: {reason}")]) from None
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> Document:
    """The same for bytes already at hand; `path` is only named in faults."""
    root = _composed(_text(raw, path), path)
    reader = _Reader(path)
    data = None if root is None else reader.plain(root, ())
    if reader.faults:
        raise InvalidFile(reader.faults)
    if not isinstance(data, dict):
        raise InvalidFile([Fault(str(path), 1, 1, "expected `name: value` lines, the first of which says what it is")])
    return Document(path, data, reader.places, hashlib.sha256(raw).hexdigest())


def _text(raw: bytes, path: Path) -> str:
    if len(raw) > MAX_BYTES:
        raise InvalidFile([Fault(str(path), 1, 1, f"has {len(raw)} bytes; expected at most {MAX_BYTES}")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(raw[: error.start].decode("utf-8-sig", "replace"))
        message = f"byte 0x{raw[error.start]:02x} is no UTF-8; save the file as UTF-8 text"
        raise InvalidFile([Fault(str(path), line, column, message)]) from None


@lru_cache(maxsize=64)
def _composed(text: str, path: Path) -> Node | None:
    """The nodes of a text, which nobody changes: one that was read before is not taken apart again."""
    if directive := _DIRECTIVE.search(text):
        line, column = _line_and_column(text[: directive.start()])
        raise InvalidFile([Fault(str(path), line, column, "directives (`%`) are not read; the file is YAML 1.2")])
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    line, column = 1, 1
    try:
        root: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if isinstance(mark, StringMark) else (1, 1)
        problem = _explained(error)
    except ReaderError as error:
        line, column = _line_and_column(text[: error.position])
        problem = f"the character U+{ord(text[error.position]):04X} cannot stand in a text file"
    except RecursionError:
        problem = f"nested more than {MAX_DEPTH} levels deep"
    except (YAMLError, ValueError) as error:
        problem = str(error)
    else:
        return root
    raise InvalidFile([Fault(str(path), line, column, f"malformed YAML: {' '.join(problem.split())}")])


_DIRECTIVE = re.compile("(?<![^\n\r\x85\u2028\u2029\ufeff])%")


def _explained(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "").partition("\n")[0]
    context = f"{error.context}, " if problem.startswith("but ") and error.context else ""
    return f"{context}{problem}{' (look at the indentation)' if '<block' in problem else ''}"


def _line_and_column(before: str) -> tuple[int, int]:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", before.removeprefix("\ufeff"))
    return len(lines), len(lines[-1]) + 1


@dataclass
class _Reader:
    """Turns YAML nodes into plain data and remembers where each part stood."""

    path: Path
    places: dict[Location, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def plain(self, node: Node, at: Location) -> object:
        self.places.setdefault(at, _place_of(node))
        kind = _kind(node)
        if node.anchor is not None:
            return self._refuse(node, "anchors and aliases (`&`, `*`) are not read; write the value out")
        if len(at) > MAX_DEPTH:
            return self._refuse(node, f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, MappingNode) and kind == "map":
            return self._mapping(node, at)
        if isinstance(node, SequenceNode) and kind == "seq":
            return [self._item(item, at, index) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and kind in _SCALARS:
            return _scalar(node, kind)
        return self._refuse(node, f"`{kind}` would construct an object; only plain data is read")

    def _mapping(self, node: MappingNode, at: Location) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in node.value:
            name = self._name(key)
            if name is None or name in result:
                self._refuse(key, "expected a plain name before the colon" if name is None else f"`{name}` twice here")
                continue
            here = (*at, name)
            self.places[(*here, NAME_ITSELF)] = _place_of(key)
            self.places[here] = _place_of(value if isinstance(value, ScalarNode) and value.value else key)
            result[name] = self.plain(value, here)
        return result

    def _item(self, node: Node, at: Location, index: int) -> object:
        value = self.plain(node, (*at, index))
        if isinstance(value, str):
            self.places.setdefault((*at, value), _place_of(node))
        return value

    def _name(self, key: Node) -> str | None:
        return str(key.value) if isinstance(key, ScalarNode) and _kind(key) in _SCALARS else None

    def _refuse(self, node: Node, message: str) -> object:
        self.faults.append(Fault(str(self.path), *_place_of(node), message))
        return None


def _place_of(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _kind(node: Node) -> str:
    """What a node is by its tag: `map`, `seq`, `str`, `int` ...; a tag of another sort as it was written."""
    tag = "str" if node.tag is None else str(node.tag)
    if isinstance(node, ScalarNode) and tag == "!":
        return "str"
    core = tag.removeprefix(_CORE)
    return core if core in {"map", "seq", *_SCALARS} else tag.replace(_CORE, "!!")


def _scalar(node: ScalarNode, kind: str) -> object:
    text = str(node.value)
    try:
        return text if node.style in ("'", '"', "|", ">") else _SCALARS[kind](text)
    except ValueError:
        return text


def _whole(text: str) -> int | str:
    """A number without leading zeros: `0100` is a text, as an address switch shows it."""
    return int(text.replace("_", ""), 0)


def _real(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


_SCALARS: Mapping[str, Callable[[str], object]] = {
    "str": str,
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    "int": _whole,
    "float": _real,
    "timestamp": str,
    "merge": str,
    "value": str,
}
"""How a plain scalar is read, by its YAML tag; what cannot be read so is a text."""


# ------------------------------------------------------------------------------------------------ plain data to models


def build(document: Document, model: type[_ModelT]) -> _ModelT:
    """Make a model of a document's data; raises InvalidFile with a fault for each thing that does not fit."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise InvalidFile(_faults(document, model, error.errors(include_url=False))) from None


def _faults(document: Document, model: type[BaseModel], errors: list[ErrorDetails]) -> Iterator[Fault]:
    """One fault for each place, in the words of the file; what only follows from another fault is left out."""
    by_place: dict[Location, list[ErrorDetails]] = {}
    for details in errors:
        by_place.setdefault(_place(document, details), []).append(details)
    misspelt = {
        (*at[:-1], _meant(model, each)) for at, group in by_place.items() for each in group if _is_unknown(each)
    }
    for at, group in by_place.items():
        definite = [each for each in group if _expected(each) is None]
        for details in definite:
            if (*at, str(details["loc"][-1]) if details["loc"] else "") not in misspelt:
                yield document.fault(*_told(model, at, details))
        if not definite and not any(len(other) > len(at) and other[: len(at)] == at for other in by_place):
            yield document.fault(at, _mismatch(at, group))


def _place(document: Document, details: ErrorDetails) -> Location:
    """Where in the file an error belongs; parts of its location that only pydantic knows are skipped."""
    at: Location = ()
    for part in details["loc"]:
        at = (*at, part) if (*at, part) in document.places else at
    return at


def _is_unknown(details: ErrorDetails) -> bool:
    return details["type"] == "extra_forbidden"


def _told(model: type[BaseModel], at: Location, details: ErrorDetails) -> tuple[Location, str]:
    """The place and the message of an error that says something definite."""
    name = str(details["loc"][-1]) if details["loc"] else ""
    if _is_unknown(details):
        return (*at, NAME_ITSELF), f"unknown name `{name}`{nearest(name, _known_names(model, details['loc'][:-1]))}"
    if details["type"] == "missing":
        return at, f"`{name}` is missing" if not name.isdigit() else f"{_word(at)}: expected one more"
    message = details["msg"].removeprefix("Value error, ")
    return at, message if (word := _word(at)) in message or not word else f"{word}: {message}"


def _mismatch(at: Location, group: list[ErrorDetails]) -> str:
    """What was found, and everything that would have done instead."""
    value = group[0]["input"]
    expected = " or ".join(dict.fromkeys(filter(None, map(_expected, group))))
    words = [word for each in group for word in str(each.get("ctx", {}).get("expected", "")).split("'")[1::2]]
    hint = nearest(value, words) if isinstance(value, str) and "known" not in nearest(value, words) else ""
    quotes = " (put a number in quotes)" if "a text" in expected and isinstance(value, int | float) else ""
    return f"{_word(at)}: found {_found(value)}, expected {expected}{quotes}{hint}".removeprefix(": ")


def _word(at: Location) -> str:
    word = next((part for part in reversed(at) if isinstance(part, str) and part != NAME_ITSELF), "")
    return f"`{word}`" if word else ""


def _found(value: object) -> str:
    kinds = {dict: "`name: value` lines", list: "a list", tuple: "a list", type(None): "nothing"}
    return kinds.get(type(value)) or shown(str(value).lower() if isinstance(value, bool) else value)


_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "model_type": "`name: value` lines",
    "dict_type": "`name: value` lines",
    "tuple_type": "a list",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "finite_number": "a finite number",
}
"""What was expected, by pydantic's type of error: a misfit of form; a union has one for each of its members."""


def _expected(details: ErrorDetails) -> str | None:
    kind = details["type"].replace("_parsing", "_type").replace("int_from_float", "int_type")
    words = _EXPECTED.get(kind)
    return None if words is None else words.format(**details.get("ctx", {})).replace("'", "`")


def _meant(model: type[BaseModel], details: ErrorDetails) -> str:
    """The name that an unknown one was probably meant to be, or nothing."""
    close = difflib.get_close_matches(str(details["loc"][-1]), _known_names(model, details["loc"][:-1]), n=1)
    return close[0] if close else ""


def _known_names(model: type[BaseModel], loc: Location) -> list[str]:
    """The names that may stand in the part of a model that an error's location leads to."""
    found: list[type[BaseModel]] = [model]
    for part in loc:
        chosen = [each for each in found if each.__name__ == part]
        fields = [item for each in found for name, item in each.model_fields.items() if part in (name, item.alias)]
        found = chosen or [inner for item in fields for inner in _models(item.annotation)] or found
    return [item.alias or name for each in found for name, item in each.model_fields.items()]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


# ------------------------------------------------------------------------------------------------ words for people


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for the known name closest to `name`, or the list of known names when there are few."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 30 else ""


def shown(value: object) -> str:
    """A value as a message quotes it: in backticks, shortened to 60 characters."""
    text = str(value)
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}...`"


def one_line(text: str) -> str:
    """The text with everything that would leave its line or cannot be printed written as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
