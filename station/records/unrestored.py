"""What runs left in a pack: thresholds that were shifted and not put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from station.model.events import OriginalsKept, ParametersChanging, ParametersRestored, RunStarted
from station.records.journal import StillWritten, held, read_journal
from station.records.store import RunFolder, run_folders


@dataclass(frozen=True, slots=True)
class Unrestored:
    """The stored parameters of a pack as a run found them and did not put them back: raw words by register address."""

    folder: RunFolder
    product: str
    words: Mapping[int, int]

    @property
    def running(self) -> bool:
        """Whether that run is still under way, and may put them back itself; raises OSError."""
        try:
            with held(self.folder.journal):
                return False
        except StillWritten:
            return True


class Illegible(ValueError):
    """A journal that has lost what says whether its pack has its thresholds; the message names it."""


def unrestored(data: Path, serial_number: str, *, simulated: bool) -> Unrestored | None:
    """What a pack must get back, or None; raises OSError or Illegible for a journal that cannot tell.

    A simulated pack and a real one of the same serial number are two packs, and neither can pay for the other.

    If several runs left something, the oldest of them holds the truth: each later one found what an earlier one had
    shifted, and took it for the pack's own. For the same reason only a run that put back the very words of the oldest
    settles it. States of charge, counters and the like are not parameters, and nobody restores them.
    """
    owed: Unrestored | None = None
    for folder in run_folders(data, serial_number):
        product, kept = "", dict[int, int]()
        for event in read_journal(folder.journal, RunStarted, OriginalsKept, ParametersChanging, ParametersRestored):
            if isinstance(event, RunStarted):
                if (event.simulation is not None) != simulated:
                    break
                product = event.product
            elif not product:
                raise Illegible(f"{folder.journal} has lost the line that says what was tested")
            elif isinstance(event, OriginalsKept):
                kept = {int(address): word for address, word in event.words.items()}
                owed = owed or Unrestored(folder, product, kept)
            elif isinstance(event, ParametersChanging):
                if not kept:
                    raise Illegible(f"{folder.journal} has lost the thresholds that its run found")
                owed = owed or Unrestored(folder, product, kept)
            elif isinstance(event, ParametersRestored) and not event.wrong and owed and kept == owed.words:
                owed = None
        else:
            if owed is None and _left_shifted(folder):
                raise Illegible(f"{folder.journal} has lost the thresholds that {folder.record.name} misses")
    return owed


def _left_shifted(folder: RunFolder) -> bool:
    """Whether the record of a run, if it has one, says that thresholds were not restored; raises OSError."""
    return folder.record.exists() and b'"thresholds":"NOT RESTORED' in folder.record.read_bytes()
