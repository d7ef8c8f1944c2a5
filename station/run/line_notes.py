"""What the lines to the pack did besides answering, as a note of the step in which they did it: no retry is silent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from station.actions.stage import Stage
from station.bms import LineStatistics

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "repeated": "asked again",
        "silent": "not answered",
        "damaged": "answered with a damaged frame",
        "foreign": "disturbed by bytes of others",
        "late": "answered too late",
        "vanished": "cut off as the port vanished and came back",
    }
)


class LineNotes:
    """What has been told of the lines of one run."""

    def __init__(self, stage: Stage) -> None:
        """Nothing was told yet."""
        self._stage = stage
        self._told: dict[str, LineStatistics] = {}

    def tell(self) -> None:
        """Note for the present step what went wrong on each line since it was last told; a good line is not noted.

        A question that nobody answers is no fault by itself: a pack that sleeps is asked whether it sleeps.
        """
        for name, statistics in self._stage.bench.lines():
            now = statistics.since(self._told.get(name, LineStatistics()))
            self._told[name] = statistics.since(LineStatistics())
            if now.repeated or now.damaged or now.late or now.vanished:
                counts = ((getattr(now, each), word) for each, word in _WORDS.items())
                what = ", ".join(f"{count} {word}" for count, word in counts if count)
                self._stage.note(f"{name}: of {now.exchanges} questions {what}")
