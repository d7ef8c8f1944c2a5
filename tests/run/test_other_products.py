"""Products that are not in the repository: a pack file of their own and their name in the sequence is all they need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from station.model.files import InvalidFile
from station.model.library import FOLDERS, Library
from station.run.plan import Files
from station.studies.coverage import default_state
from station.studies.rig import Station
from station.studies.simulation import Simulated

HALF: Mapping[str, str] = {
    "pack: bali48\n": "pack: bali48-50\n",
    r"BALI48-\d{6}": r"BALI50-\d{6}",
    "{capacity: 100 Ah,": "{capacity: 50 Ah,",
    "design_capacity:       {is: 100 Ah}": "design_capacity:       {is: 50 Ah}",
    "at least 100 Ah": "at least 50 Ah",
}
"""The same with 50 Ah."""
GOLDEN: Mapping[str, Mapping[str, str]] = {
    "bali48-50": {"cell_resistance: 0.59 mOhm": "cell_resistance: 0.69 mOhm", "14.7 mOhm": "16.1 mOhm"}
}
"""What the golden pack of a product measures on its bench, where that differs."""
SIXTEEN: Mapping[str, str] = {
    "pack: bali48\n": "pack: bali51\n",
    r"BALI48-\d{6}": r"BALI51-\d{6}",
    "cells: 15\n": "cells: 16\n",
    "cell_count:            {is: 15,": "cell_count:            {is: 16,",
    "is: 51.5 V to 53.5 V, valid": "is: 54.5 V to 57.0 V, valid",
    "is: 48.8 V to 50.4 V": "is: 52.0 V to 53.8 V",
    "is: 49.8 V to 52.5 V": "is: 53.0 V to 56.0 V",
    "terminal_voltage: 54.75 V": "terminal_voltage: 58.40 V",
    "pack_voltage: at most 49.7 V": "pack_voltage: at most 53.0 V",
    "pack_voltage: at most 49.5 V": "pack_voltage: at most 52.8 V",
    "alarm: 54.00 V, trip: 55.50 V, release: 50.20 V": "alarm: 57.60 V, trip: 59.20 V, release: 53.50 V",
    "alarm: 42.00 V, trip: 37.50 V, release: 43.50 V": "alarm: 44.80 V, trip: 40.00 V, release: 46.40 V",
    "accepts: 15 V to 50 V": "accepts: 15 V to 54 V",
    "is: 52.5 V to 53.6 V": "is: 56.0 V to 57.2 V",
}
"""The same with a cell more, and all voltages of the pack higher by it."""


FAST: Mapping[str, str] = {
    "pack: bali48\n": "pack: bali48-fast\n",
    r"BALI48-\d{6}": r"BALIFA-\d{6}",
    "delay: 1.0 s ": "delay: 0.5 s ",
    "{is: 0.5 s to 2.0 s": "{is: 0.2 s to 2.0 s",
}
"""The same with protections that act twice as fast."""
SLOW: Mapping[str, str] = {
    "pack: bali48\n": "pack: bali48-slow\n",
    r"BALI48-\d{6}": r"BALISL-\d{6}",
    "delay: 1.0 s ": "delay: 2.0 s ",
    "{is: 0.5 s to 2.0 s": "{is: 0.5 s to 3.0 s",
}
"""The same with protections that act half as fast."""
FAIL_SAFE: Mapping[str, str] = {
    "pack: bali48\n": "pack: bali48-fs\n",
    r"BALI48-\d{6}": r"BALIFS-\d{6}",
    "1-2, healthy: open, alarm: closed, dead: closed": "1-2, healthy: closed, alarm: open, dead: open",
    "3-4, healthy: open, alarm: closed, dead: open": "3-4, healthy: closed, alarm: open, dead: open",
    "after: 60 s, locks_after": "after: 30 s, locks_after",
    "{is: 57 s to 63 s": "{is: 28 s to 32 s",
    "is: 20 A +- 10 %": "is: 10 A +- 10 %",
    "standard: 20 A, full": "standard: 10 A, full",
}
"""The same with contacts that are closed while all is well, a shorter recovery and a lower charge limit."""


@pytest.mark.parametrize(
    ("changed", "serial"),
    [
        (HALF, "BALI50-000001"),
        (SIXTEEN, "BALI51-000001"),
        (FAIL_SAFE, "BALIFS-000001"),
        (FAST, "BALIFA-000001"),
        (SLOW, "BALISL-000001"),
    ],
)
def test_another_product_passes_the_same_sequence(changed: Mapping[str, str], serial: str, tmp_path: Path) -> None:
    pack = changed["pack: bali48\n"].split()[1]
    library = Library((tmp_path, *Library.default().roots))
    written(library, "pack", "bali48", changed, pack)
    written(library, "sequence", "eol", {"pack: [bali48]": f"pack: [bali48, {pack}]"})
    written(
        library, "bench", "simulated", {"envelope: {voltage: 57 V": "envelope: {voltage: 60 V", **GOLDEN.get(pack, {})}
    )
    station = Station.of("eol", library=library)
    with station.rig(Simulated(default_state(station.files), (), seed=1), serial) as rig:
        ran = rig.run(tmp_path / "data")
    assert (ran.record.verdict, ran.record.reason) == ("PASS", "")
    assert ran.record.identity["serial_number"] == serial


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "trip: 3.700 V",
            "trip: 3.7005 V",
            "cell_overvoltage.trip is 3.7005 V, and this register holds steps of",
        ),
        ("delay: 1.0 s ", "delay: 30 s ", "cell_overvoltage.delay: 30.0 is outside 0.1 to 25.5 s"),
    ],
)
def test_a_released_value_that_no_register_holds_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    library = Library((tmp_path, *Library.default().roots))
    written(library, "pack", "bali48", {old: new})
    files = Files(library)
    with pytest.raises(InvalidFile, match=message.replace(".", r"\.")):
        files.protocol(files.pack("bali48"))


def written(library: Library, kind: str, name: str, changed: Mapping[str, str], new: str = "") -> None:
    """A copy of a file of the repository with other words in it, in the first folder of the library."""
    text = Library.default().find(kind, name).read_text(encoding="utf-8")
    for old, other in changed.items():
        assert old in text, old
        text = text.replace(old, other)
    path = library.roots[0] / FOLDERS[kind] / f"{new or name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
