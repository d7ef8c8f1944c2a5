"""What the end-of-line test cannot see in a pack: the faults whose files say so, for every certificate."""

from __future__ import annotations

from collections.abc import Iterator

from station.model.fault import FaultFile
from station.model.files import build
from station.model.library import Library
from station.model.record import Gap

JUDGED_BY = "eol"
"""The sequence, alone or with a suffix such as `-full`, that the expectations of fault files are about."""


def known_gaps(library: Library, sequence: str) -> Iterator[Gap]:
    """The documented gaps of a sequence, by name; raises InvalidFile."""
    if sequence.partition("-")[0] != JUDGED_BY:
        return
    for name in library.names("fault"):
        if "gap:" not in library.find("fault", name).read_text(encoding="utf-8"):
            continue  # reading a file as YAML takes a hundred times as long, and few of them have one
        fault = build(library.open("fault", name), FaultFile)
        if fault.expect is not None and fault.expect.gap is not None:
            yield Gap(fault=fault.fault, title=fault.title, why=fault.expect.gap)
