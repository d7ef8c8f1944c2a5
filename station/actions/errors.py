"""Why a step, or a whole run, could not go on."""

from __future__ import annotations


class Blocked(Exception):
    """A circumstance that is not the pack's fault and forbids the test: BLOCKED, with what to do about it."""


class NotFeasible(Exception):
    """Something that cannot be shown on this pack or bench today: the step is NOT_TESTED, with the reason."""


class BenchFault(Exception):
    """The bench is not as it must be, so nothing can be said of the pack: ERROR."""


class PackUnfit(Exception):
    """What the pack shows is its own fault and forbids to let current flow: FAIL, and the run ends."""


class NotKept(PackUnfit):
    """The pack keeps something else than it is told: nobody knows any more how it will act."""

    def __init__(self, found: object) -> None:
        """`found` says what was told and what came of it."""
        super().__init__(f"{found}; a pack that keeps other values than it is told is not driven on")


class EnvelopeExceeded(BenchFault):
    """A value left the envelope; the bench goes to the safe state at once."""


class Refused(Exception):
    """A sequence that cannot be carried out on this bench, found while planning, before anything was touched."""
