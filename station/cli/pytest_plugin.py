"""`pytest sequences/eol.yaml`: a sequence file is a test file, and each of its steps is an item.

Every pytest run of an environment with the station in it loads this module, so it knows the options and how to tell a
sequence file, and no more. Everything else is imported when there is one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

OPTIONS = ("--bench", "--serial", "--energise", "--data", "--twin", "--fault")
_BEFORE_THE_FIRST_KEY = re.compile(r"\s*(#|---|%|$)")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of sequence files; their meaning is that of `station run`."""
    group = parser.getgroup("station", "sequence files of the pack test station")
    for option, what in (
        ("--bench", "bench for sequence files, name or file; without it the simulated one"),
        ("--serial", "serial number of the pack on the bench"),
        ("--data", "folder for journals, records and certificates; without it `data`"),
        ("--twin", "state of the simulated pack, name or file"),
    ):
        group.addoption(option, dest=_dest(option), help=what)
    group.addoption(
        "--fault",
        dest=_dest("--fault"),
        action="append",
        default=[],
        help="fault of the simulated bench; may be repeated",
    )
    group.addoption(
        "--energise", dest=_dest("--energise"), action="store_true", help="let current flow on a real bench"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse wrong usage before anything is collected, let alone touched."""
    if any(config.getoption(option) for option in OPTIONS):
        from station.cli.pytest_items import read_options

        read_options(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a YAML file whose first key is `sequence`."""
    if file_path.suffix not in (".yaml", ".yml") or not _is_sequence(file_path):
        return None
    from station.cli import pytest_items

    if not parent.config.pluginmanager.is_registered(pytest_items):
        parent.config.pluginmanager.register(pytest_items)
    return pytest_items.SequenceFile.from_parent(parent, path=file_path)


def _dest(option: str) -> str:
    return "station_" + option.removeprefix("--")


def _is_sequence(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if not _BEFORE_THE_FIRST_KEY.match(line)), "")
    return re.match(r"""["']?sequence["']?\s*:""", first) is not None
