"""Channel lists, the parameter with which a switch unit is told which of its channels are meant."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from station.twin.scpi.errors import ScpiError

_LIST = re.compile(r"\(\s*@([\d\s:,]*)\)")


@dataclass(frozen=True, slots=True)
class Channels:
    """A channel list such as `(@101:104,201)`; `known` channels exist, and those of them that are `fit` may be named.

    Within a range, channels that do not exist are passed over, but both ends must exist (Keysight 34970A user's guide,
    rules for a channel list).
    """

    known: Collection[int]
    fit: Collection[int]
    may_be_empty: bool = False

    def parse(self, text: str) -> tuple[int, ...]:
        """Expand the list; raises -104, -170, 111, 112, 113 or 303."""
        match = _LIST.fullmatch(text)
        if match is None:
            raise ScpiError(-170 if text.startswith("(") else -104)
        if not match[1].strip():
            return self._empty()
        channels = dict.fromkeys(channel for item in match[1].split(",") for channel in self._expand(item))
        if not channels.keys() <= set(self.fit):
            raise ScpiError(303)
        return tuple(channels)

    def _empty(self) -> tuple[int, ...]:
        if not self.may_be_empty:
            raise ScpiError(113)
        return ()

    def _expand(self, item: str) -> tuple[int, ...]:
        ends = [self._existing(end.strip()) for end in item.split(":")]
        if len(ends) > 2:
            raise ScpiError(-170)
        return tuple(channel for channel in sorted(self.known) if ends[0] <= channel <= ends[-1])

    def _existing(self, text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text):
            raise ScpiError(-170)
        if int(text) // 100 not in {channel // 100 for channel in self.known}:
            raise ScpiError(111)
        if int(text) not in self.known:
            raise ScpiError(112)
        return int(text)
