"""Settings that a client may make and read back, and that change nothing here; answers that never change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from station.twin.scpi import Choice, Command, Switch, knob


def kept(switches: Mapping[str, bool], choices: Mapping[str, tuple[str, ...]]) -> Iterable[Command]:
    """The commands of switches, by header and default, and of choices, by header and words, the default first."""
    for header, default in switches.items():
        yield from knob(header, Switch(default))
    for header, words in choices.items():
        yield from knob(header, Choice(words))


def told(answers: Mapping[str, str]) -> Iterable[Command]:
    """The queries, by header without its question mark, that always have the same answer."""
    for header, answer in answers.items():
        yield Command(f"{header}?", lambda answer=answer: answer)
