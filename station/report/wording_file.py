"""Reads a file of wording; every fault in it becomes one line with file, line and column."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node

from station.report.wording import Wording

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Loc = tuple[int | str, ...]


class WordingError(Exception):
    """The file cannot be used; one line for each fault: where, what, what was expected."""


def load_wording(path: Path) -> Wording:
    """Read `path`; raises WordingError, also when there is no such file."""
    try:
        text = path.read_text("utf-8")
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            raise WordingError(f"{path}:1:1: the file is empty")
        return Wording.model_validate(YAML(typ="safe", pure=True).load(text))
    except MarkedYAMLError as problem:
        raise WordingError(f"{path}:{_place(problem)}: {problem.problem}") from None
    except ValidationError as problem:
        raise WordingError("\n".join(f"{path}:{line}" for line in _lines(problem, root))) from None
    except (OSError, UnicodeError, YAMLError) as problem:
        raise WordingError(f"{path}: cannot be read: {' '.join(str(problem).split())}") from None


def _place(problem: MarkedYAMLError) -> str:
    mark = problem.problem_mark or problem.context_mark
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"


def _lines(problem: ValidationError, root: Node) -> Iterator[str]:
    """One line for each fault; a key that is missing because it was misspelt is not told twice."""
    errors = problem.errors(include_url=False)
    missing = {error["loc"] for error in errors if error["type"] == "missing"}
    meant = {error["loc"]: _nearest(error["loc"], missing) for error in errors if error["type"] == "extra_forbidden"}
    for error in errors:
        if error["loc"] not in meant.values():
            mark = _find(root, error["loc"]).start_mark
            yield f"{mark.line + 1}:{mark.column + 1}: {_text(error, meant)}"


def _nearest(unknown: Loc, missing: set[Loc]) -> Loc | None:
    names = {str(loc[-1]): loc for loc in missing if loc[:-1] == unknown[:-1]}
    found = get_close_matches(str(unknown[-1]), names, n=1)
    return names[found[0]] if found else None


def _find(node: Node, loc: Loc) -> Node:
    """The key that `loc` leads to, or the last one on the way there that exists."""
    found = node
    for part in loc:
        pairs = node.value if isinstance(node, MappingNode) else []
        step = next(((key, value) for key, value in pairs if key.value == str(part)), None)
        if step is None:
            return found
        found, node = step
    return found


def _text(error: ErrorDetails, meant: dict[Loc, Loc | None]) -> str:
    loc = error["loc"]
    name = ".".join(str(part) for part in loc)
    if loc in meant:
        nearest = meant[loc]
        return f"{name} is not known here" + (f"; did you mean {nearest[-1]}?" if nearest else "")
    if error["type"] == "missing":
        return f"{name} is missing"
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
