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


class EnvelopeExceeded(BenchFault):
    """A value left the envelope; the bench goes to the safe state at once."""


class Refused(Exception):
    """A sequence that cannot be carried out on this bench, found while planning, before anything was touched."""
