"""Where the YAML folders are: in the working directory first, then beside or inside the installed station."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from station.model.files import Document, Fault, InvalidFile, nearest, read

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
    """The working directory, then the folders that came with the station (beside the package, or inside an installed wheel)."""
    package = Path(__file__).resolve().parents[1]
    return (Path.cwd(), package.parent, package / "_data")


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
        return tuple(sorted({path.stem for path in self._all(kind)}))

    def find(self, kind: str, name: str) -> Path:
        """The file of that name, or the path itself if one was given; raises InvalidFile when there is none."""
        if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
            path = Path(name)
            if path.is_file():
                return path
            raise InvalidFile([Fault(name, 1, 1, f"there is no such {kind} file")])
        for root in self.roots:
            path = root / FOLDERS[kind] / f"{name}.yaml"
            if path.is_file():
                return path
        raise InvalidFile(
            [
                Fault(
                    f"{FOLDERS[kind]}/{name}.yaml",
                    1,
                    1,
                    f"there is no {kind} `{name}`{nearest(name, self.names(kind))}",
                )
            ]
        )

    def open(self, kind: str, name: str) -> Document:
        """Read it, and see that its first key says what was asked for; raises InvalidFile."""
        path = self.find(kind, name)
        document = read(path)
        first = next(iter(document.data), "")
        if first != kind:
            raise document.refuse((), f"the first key is `{first}`; a {kind} file begins with `{kind}: <name>`")
        return document

    def _all(self, kind: str) -> Iterator[Path]:
        for root in self.roots:
            yield from sorted((root / FOLDERS[kind]).glob("*.yaml"))
