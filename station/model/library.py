"""Where the YAML folders are: in the working directory first, then beside or inside the installed station."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from station.model.files import NAME_ITSELF, Document, Fault, InvalidFile, nearest, read, shown

FOLDERS = {
    "sequence": "sequences",
    "pack": "fixtures/packs",
    "protocol": "fixtures/protocols",
    "bench": "fixtures/benches",
    "twin": "fixtures/twins",
    "fault": "fixtures/faults",
    "report": "reports",
}
"""The folder of each kind of file; the kind is the first key in the file."""


def default_roots() -> tuple[Path, ...]:
    """The working directory, then the folders that came with the station: beside the package, or inside a wheel."""
    package = Path(__file__).resolve().parents[1]
    return (Path(), package.parent, package / "_data")


@dataclass(frozen=True)
class Library:
    """Finds files by kind and name."""

    roots: tuple[Path, ...]

    @classmethod
    def default(cls) -> Library:
        """The library of this installation, seen from the working directory."""
        return cls(default_roots())

    def names(self, kind: str) -> tuple[str, ...]:
        """All names of a kind, such as every fault."""
        files = (path for root in self.roots for path in (root / FOLDERS[kind]).glob("*.yaml"))
        return tuple(sorted({path.stem for path in files}))

    def find(self, kind: str, name: str) -> Path:
        """The file of that name, or the path itself if one was given; raises InvalidFile when there is none."""
        if _is_path(name):
            if Path(name).exists():
                return Path(name)
            message = f"there is no such {kind} file{self._hint(kind, Path(name).stem)}"
            raise InvalidFile([Fault(name, 1, 1, message)])
        for root in self.roots:
            path = root / FOLDERS[kind] / f"{name}.yaml"
            if path.is_file():
                return path
        message = f"there is no {kind} {shown(name)}{self._hint(kind, name)}"
        raise InvalidFile([Fault(f"{FOLDERS[kind]}/{name}.yaml", 1, 1, message)])

    def open(self, kind: str, name: str) -> Document:
        """Read it, and see that it says what was asked for and, in a folder, that name; raises InvalidFile."""
        document = read(self.find(kind, name))
        first, own = next(iter(document.data.items()), ("", ""))
        if first != kind:
            message = f"the first key is {shown(first)}; a {kind} file begins with `{kind}: <name>`"
            raise document.refuse((first, NAME_ITSELF), message)
        if own != name and not _is_path(name):
            raise document.refuse((kind,), f"says that it is {shown(own)}, and the file is called `{name}`")
        return document

    def _hint(self, kind: str, name: str) -> str:
        return nearest(name, self.names(kind))


def _is_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name
