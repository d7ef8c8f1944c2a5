"""What a person at the bench is asked to do or to say, and whoever is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

DONE = "done"
"""The answer to a prompt that asks somebody to do something."""
OTHERWISE = "fail"
"""How an answer begins that is not what a good pack gives; what was seen comes after it."""
SKIP = "skip"
"""The answer to a prompt that may be left out."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One thing that a person is asked."""

    text: str
    answer: str
    """What a good pack gives; empty: any text."""
    picture: str = ""
    """Name of a picture of it; empty: none."""
    press: float | None = None
    """Seconds for which the key of the pack is to be held; None: it is not."""
    may_skip: bool = False

    @property
    def hint(self) -> str:
        """Which answers there are."""
        if self.answer == DONE:
            return f"type `{DONE}`"
        said = f"`{self.answer}`, or `{OTHERWISE}: what you see`" if self.answer else "what you read"
        return f"type {said}" + (f", or `{SKIP}`" if self.may_skip else "")

    def takes(self, said: str) -> bool:
        """Whether that is an answer to this; a bare `yes` is none, so whoever always says it passes nothing."""
        plain = said.strip().lower()
        if plain == SKIP:
            return self.may_skip
        if self.answer == DONE:
            return plain == DONE
        return plain == self.answer.lower() or plain.startswith(f"{OTHERWISE}:") if self.answer else bool(plain)


class Person(Protocol):
    """Whoever stands at the bench."""

    def ask(self, prompt: Prompt) -> None:
        """Show a prompt; returns at once, and what was said before it is no answer to it."""
        ...

    def said(self) -> str | None:
        """What was said since, if anything; never waits."""
        ...


class Nobody:
    """There is nobody to ask."""

    def ask(self, prompt: Prompt) -> None:
        """Heard by nobody."""

    def said(self) -> None:
        """Nothing, ever."""
