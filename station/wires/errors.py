"""What can go wrong on a wire; none of it says anything about the pack."""

from __future__ import annotations


class WireError(Exception):
    """A connection did not do its part; the message names the address."""


class ConnectionLost(WireError):
    """The connection could not be made, or the other end has closed or reset it."""


class NoAnswer(WireError):
    """Nothing (or only part of a line) came within the time allowed; the connection was reset."""


class Garbled(WireError):
    """What came is not one line of ASCII; the connection was reset."""


class Fenced(WireError):
    """The connection was fenced: nothing leaves through it any more."""


class StuckGate(WireError):
    """The gate's lock was not free in time; only the death of the process stops what holds it."""
