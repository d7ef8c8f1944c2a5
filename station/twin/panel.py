"""The front panel: which of the six lamps is lit at a moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from station.twin.bms.lamps import Lamps

CAPACITY_LAMPS = ("L1", "L2", "L3", "L4")
TOP_FLASH = "as_soc_top_flash2"
_ALL_DARK = ("dark", "dark", "dark")


@dataclass(frozen=True, slots=True)
class Panel:
    """What each lamp state looks like: words for RUN, ALM and the capacity lamps, and s lit and s dark for each flash
    word.

    Words: `lit`, `dark`, `flash1` to `flash3`, and for the capacity lamps `as_soc` and `as_soc_top_flash2` (the highest
    lit one flashes).
    """

    states: Mapping[str, tuple[str, str, str]]
    flash: Mapping[str, tuple[float, float]]

    def lamps(self, state: str, soc: float, now: float, lamps: Lamps) -> dict[str, bool]:
        """Whether each lamp is lit in `state` at `soc` % and `now` s, by what is set and broken in `lamps`."""
        run, alarm, capacity = self.states[state] if lamps.enabled else _ALL_DARK
        shown = _capacity("as_soc" if now < lamps.soc_until else capacity, soc)
        words = {"RUN": run, "ALM": alarm, **shown}
        return {lamp: self._is_lit(getattr(lamps, lamp) or word, now) for lamp, word in words.items()}

    def _is_lit(self, word: str, now: float) -> bool:
        if word in ("lit", "dark"):
            return word == "lit"
        lit, dark = self.flash[word]
        return (now + 1e-9) % (lit + dark) < lit


def _capacity(word: str, soc: float) -> dict[str, str]:
    """A word for each capacity lamp; one stands for 25 %, begun quarters count."""
    if word not in ("as_soc", TOP_FLASH):
        return dict.fromkeys(CAPACITY_LAMPS, word)
    lit = math.ceil(soc / 25)
    top = "flash2" if word == TOP_FLASH else "lit"
    return {
        lamp: top if number == lit else "lit" if number < lit else "dark"
        for number, lamp in enumerate(CAPACITY_LAMPS, 1)
    }
