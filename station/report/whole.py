"""Whether a signed file is still as long as its signature says; whether it is genuine, only `verify` can tell."""

from __future__ import annotations

import re

END = b"%%EOF\n"
"""How a certificate ends."""
LONGEST_END = 65_536
"""Bytes at the end of a certificate in which the range of its signature stands; they are 20 kB or so."""
_RANGE = re.compile(rb"/ByteRange\s*\[\s*0\s+\d+\s+(\d+)\s+(\d+)\s*\]")


def is_whole(size: int, end: bytes) -> bool:
    """Whether a certificate of `size` bytes that ends in `end` has all the bytes that its signature is about."""
    ranges = _RANGE.findall(end)
    return bool(ranges) and end.endswith(END) and sum(map(int, ranges[-1])) == size
