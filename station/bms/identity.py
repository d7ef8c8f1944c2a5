"""What a pack has said of itself, by which it is known again."""

from __future__ import annotations

from collections.abc import Callable

from station.bms.errors import WrongAnswer


class Identity:
    """The texts that were read from a pack, by name."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._said: dict[str, str] = {}

    def keep(self, name: str, text: str) -> str:
        """Keep a text of the pack, and return it."""
        self._said[name] = text
        return text

    def prove(self, read: Callable[[str], str]) -> None:
        """Read every text again; raises WrongAnswer at the first that differs, or where no number was known at all."""
        if not any(text for name, text in self._said.items() if name.endswith("_sn")):
            raise WrongAnswer("no serial number of it was read before")
        for name, before in self._said.items():
            if (now := read(name)) != before:
                raise WrongAnswer(f"{name} is `{now}`, and was `{before}`")
