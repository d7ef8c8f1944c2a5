"""What the board takes for a defect of its own or of the pack: it calls for repair, and does what it still can."""

from __future__ import annotations

from dataclasses import dataclass, field

from station.twin.bms.measuring import Readings
from station.twin.bms.outputs import Fet
from station.twin.bms.timing import Hold

_FETS = frozenset(("charge_fet_fault", "discharge_fet_fault"))
FET_CURRENT = 2.0
"""A against an open FET that its body diode does not explain, and no offset of a calibrated ammeter either."""


@dataclass(slots=True)
class Failures:
    """The faults that stand, by the names of their status bits (PACE Modbus V1.3, register 11).

    A FET is faulty when current flows against it though it is open, for `fet_after` s; that stays until a restart. It
    does not open the other one, whose body diode the current would only heat; every other fault opens both.
    """

    fet_after: float = 5.0
    standing: frozenset[str] = frozenset()
    _charge: Hold = field(default_factory=Hold)
    _discharge: Hold = field(default_factory=Hold)

    def reset(self) -> None:
        """Forget everything, at a start."""
        self.standing, self._charge, self._discharge = frozenset(), Hold(), Hold()

    def judge(self, seen: Readings, charge: Fet, discharge: Fet, now: float) -> None:
        """Bring them up to date at one sample, with the FETs as they were while it was taken."""
        if self._charge.lasted(not charge.closed and seen.current >= FET_CURRENT, now, self.fet_after):
            self.standing |= {"charge_fet_fault"}
        if self._discharge.lasted(not discharge.closed and -seen.current >= FET_CURRENT, now, self.fet_after):
            self.standing |= {"discharge_fet_fault"}
        if seen.faults or self.standing:
            self.standing = seen.faults | (self.standing & _FETS)

    @property
    def stop(self) -> bool:
        """Whether the output stays off."""
        return not self.standing <= _FETS
