"""What a front door says when it will not open."""

from __future__ import annotations


class WrongUsage(Exception):
    """What was typed cannot be done: one clear line and exit status 2."""
