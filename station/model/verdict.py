"""The words in which the station decides."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict of a run, a step or a measurement.

    A measurement is PASS, FAIL, ERROR or NOT_TESTED; a value that is only recorded has no verdict at all.
    """

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    BLOCKED = "BLOCKED"
    NOT_TESTED = "NOT_TESTED"


_STRONGEST_FIRST = (
    Verdict.BLOCKED,
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.ABORTED,
    Verdict.NOT_TESTED,
    Verdict.PASS,
)


def strongest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that a whole takes from its parts; nothing at all is NOT_TESTED, never PASS.

    ERROR comes before FAIL, FAIL before ABORTED, ABORTED before PASS (design, "Words"). BLOCKED stands alone at the
    start of a run, before anything else could be decided.
    """
    found = set(verdicts)
    return next((verdict for verdict in _STRONGEST_FIRST if verdict in found), Verdict.NOT_TESTED)


EXIT_STATUS = {
    Verdict.PASS: 0,
    Verdict.FAIL: 1,
    Verdict.ERROR: 3,
    Verdict.NOT_TESTED: 3,
    Verdict.ABORTED: 4,
    Verdict.BLOCKED: 5,
}
"""Exit status of `station run` for the verdict of the run; 2 is wrong usage or an invalid file."""
