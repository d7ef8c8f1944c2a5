"""The panel: pressing the key, watching the lamps, and saying in plain words what is wrong with what they show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from station.actions.errors import BenchFault
from station.actions.prompts import hold_key
from station.actions.stage import Reading, Stage
from station.model.pack import Pack
from station.model.quantity import parse_quantity

LOOK_EVERY = 0.05
"""Seconds between looks at the lamps; the shortest flash lasts 0.25 s (manual 7-1) and one Modbus frame hides 0.16 s.
"""
KEY_LATE = 1.0
"""Seconds by which a press may come out longer than asked for; the next meaning begins 1.5 s later (manual 4.2)."""
UNSEEN = 0.5
"""Seconds without a look after which a flash may have been missed; the longest write with its read-back takes 0.4 s."""
STEADY = 0.4
"""Seconds over which a lamp is watched when only its state counts."""
ANEW_WITHIN = 13.0
"""Seconds in which a board that starts anew by itself does so once more: one with a jammed key does every 10 s, as a
press of that length asks for (manual 4.2), and its lamps are lit for 2 s.
"""
KEY = "key"
"""Under which it is known when the key was last let go."""
CAPACITY = ("L1", "L2", "L3", "L4")


@dataclass
class LampTrace:
    """Which lamps were lit when, since the watch began."""

    samples: list[tuple[float, Mapping[str, bool]]] = field(default_factory=list)

    def since(self, moment: float) -> list[tuple[float, Mapping[str, bool]]]:
        """The samples from a moment on."""
        return [sample for sample in self.samples if sample[0] >= moment]

    def ever_lit(self) -> set[str]:
        """The lamps that were lit at least once."""
        return {name for _, lit in self.samples for name, on in lit.items() if on}

    def all_lit_together(self, lamps: Sequence[str]) -> bool:
        """Whether there was a moment at which all lamps were lit."""
        return any(all(lit.get(name, False) for name in lamps) for _, lit in self.samples)

    def first_lit(self) -> float | None:
        """When the first lamp lit."""
        return next((at for at, lit in self.samples if any(lit.values())), None)


@contextmanager
def watched(stage: Stage) -> Iterator[LampTrace]:
    """Watch the lamps while the block runs."""
    trace = LampTrace()
    with stage.watching(LOOK_EVERY, lambda: trace.samples.append((stage.clock.now(), stage.wiring.lamps()))):
        yield trace


def press_key(stage: Stage, trace: LampTrace) -> None:
    """Press the key for as long as the pack file says, watching the lamps; keep when the first one lit.

    A pack that comes to its start running, straight from a charger or from a run that was stopped, would be switched
    off by that press: it is shut down first.
    """
    name = stage.step.press_key
    assert name is not None
    if name == "start" and _runs(stage):
        stage.note("the pack runs already, so it is shut down first")
        _press(stage, "shutdown")
        stage.pause(stage.reacts_within("silent"))
        trace.samples.clear()
    began = _press(stage, name)
    first = trace.first_lit()
    if name == "start" and began is not None and first is not None:
        stage.found.values["key_start_threshold"] = Reading(first - began, "s", 2 * LOOK_EVERY, "lamps")


def _runs(stage: Stage) -> bool:
    """Whether the pack runs: a lamp is lit, and it answers. One that comes dark sleeps and need not be asked, unless an
    earlier run may have left it with an under-voltage, which makes every lamp dark (manual 7-1).
    """
    may_run = stage.tested_before or any(stage.wiring.lamps().values())
    return may_run and stage.port.answers(stage.pack.serial_number.stored_in)


def _press(stage: Stage, name: str) -> float | None:
    """Press the key for as long as the pack file says; returns when it began, None where a person pressed it.

    Raises BenchFault where the switch unit let go of it so late that the press means something else to the pack, and
    Stopped where nobody presses it.
    """
    try:
        if stage.bench.by_person("key"):
            hold_key(stage, name)
            return None
        began, asked = stage.clock.now(), stage.pack.keys[name].si
        stage.wiring.switched("key", True)
        try:
            stage.pause(asked - (stage.clock.now() - began))
        finally:
            with stage.scopes.enter("release the key", 5, shielded=True):
                stage.wiring.switched("key", False)
    finally:
        stage.found.moments[KEY] = stage.clock.now()
    held = stage.clock.now() - began
    if held > asked + KEY_LATE:
        raise BenchFault(f"the key was pressed for {held:.1f} s, not {asked:g} s: the switch unit answers too late")
    return began


def was_just_pressed(stage: Stage) -> bool:
    """Whether the key was pressed so lately that the pack may boot or, after a press that was cut short, be off."""
    settles = stage.reacts_within("answers") + stage.reacts_within("silent")
    return stage.clock.now() - stage.found.moments.get(KEY, -math.inf) <= settles


def see_pressed(stage: Stage, trace: LampTrace, failed: str) -> None:
    """Raises BenchFault where a person pressed the key of this step and the pack does not show that it was as asked.

    A pack that was dark and lights a lamp was started, and one that lights all of them was reset; of any other press
    nothing tells how long it was, so what the pack then did not do may be the hand's fault.
    """
    name = stage.step.press_key
    if name is None or not stage.bench.by_person("key"):
        return
    shown = bool(trace.ever_lit()) if name == "start" else trace.all_lit_together(stage.pack.lamps)
    if not shown:
        raise BenchFault(f"a person pressed the key, and nobody measured how long: {failed}; test the pack again")


def starts_anew(stage: Stage) -> bool:
    """Whether, within `ANEW_WITHIN`, all lamps light and stay lit for longer than any flash, as at a start that nobody
    has asked for. A bench that sees no lamps cannot tell.
    """
    if not stage.bench.has("lamps"):
        return False
    longest = max(lit for lit, _ in map(stage.pack.flash_times, stage.pack.flash))
    with watched(stage) as trace:
        return stage.wait(lambda: _all_lit_for(trace, stage.pack.lamps) > longest, within=ANEW_WITHIN, every=LOOK_EVERY)


def _all_lit_for(trace: LampTrace, lamps: Sequence[str]) -> float:
    """Seconds between the first and the last of the latest samples in which all lamps were lit."""
    lit = [at for at, _ in takewhile(lambda sample: all(map(sample[1].get, lamps)), reversed(trace.samples))]
    return lit[0] - lit[-1] if lit else 0.0


def expected(pack: Pack, state: str | Mapping[str, str], soc: float) -> dict[str, str]:
    """What each lamp must show: lit, dark, or the name of a flash; capacity lamps by the charge in percent (manual
    7-1).
    """
    if isinstance(state, str):
        run, alarm, capacity = pack.lamp_states[state]
        wanted: dict[str, str] = {"RUN": run, "ALM": alarm, "capacity": capacity}
    else:
        wanted = dict(state)
    capacity_word = wanted.pop("capacity", None)
    if capacity_word is not None:
        wanted |= _capacity(capacity_word, soc)
    return wanted


def _capacity(word: str, soc: float) -> dict[str, str]:
    if not word.startswith("as_soc"):
        return dict.fromkeys(CAPACITY, word)
    count = min(len(CAPACITY), max(1, math.ceil(soc / 25)))
    shown = {name: "lit" if index < count else "dark" for index, name in enumerate(CAPACITY)}
    if word == "as_soc_top_flash2":
        shown[CAPACITY[count - 1]] = "flash2"
    return shown


def wrong(pack: Pack, samples: Sequence[tuple[float, Mapping[str, bool]]], wanted: Mapping[str, str]) -> list[str]:
    """What is wrong with what the lamps showed over these samples, one clause a lamp; nothing when all is right."""
    clauses = []
    for name, word in wanted.items():
        shown = _shown(pack, [(at, lit.get(name, False)) for at, lit in samples], word)
        if shown != word:
            clauses.append(f"{name} is {shown}, must be {word}")
    return clauses


def see_watched(samples: Sequence[tuple[float, Mapping[str, bool]]], since: float, until: float) -> None:
    """Raises BenchFault where nobody looked for so long that what the lamps showed is not known."""
    looks = [since, *(at for at, _ in samples), until]
    unseen = max(b - a for a, b in pairwise(looks))
    if unseen > UNSEEN:
        raise BenchFault(f"the lamps were not looked at for {unseen:.1f} s: an instrument or a line answers too late")


def _shown(pack: Pack, samples: Sequence[tuple[float, bool]], word: str) -> str:
    """The word for what one lamp did; the expected word when it did that."""
    states = {lit for _, lit in samples}
    if states <= {True}:
        return "lit"
    if states <= {False}:
        return "dark"
    if word in pack.flash and _flashes(samples, *pack.flash_times(word)):
        return word
    return "flashing" if word in ("lit", "dark") else "flashing in another rhythm"


def _flashes(samples: Sequence[tuple[float, bool]], lit: float, dark: float) -> bool:
    """Whether every complete phase lasted as long as it should, give or take the gap between two looks."""
    phases = _phases(samples)
    gap = max((b[0] - a[0] for a, b in pairwise(samples)), default=0.0)
    complete = phases[1:-1]
    return bool(complete) and all(abs(seconds - (lit if on else dark)) <= gap + LOOK_EVERY for on, seconds in complete)


def _phases(samples: Sequence[tuple[float, bool]]) -> list[tuple[bool, float]]:
    phases: list[tuple[bool, float]] = []
    began, state = samples[0]
    for at, lit in samples[1:]:
        if lit != state:
            phases.append((state, at - began))
            began, state = at, lit
    return [*phases, (state, samples[-1][0] - began)]


def longest_sound(pack: Pack) -> float:
    """Seconds from one sound to the next in the slowest pattern of the buzzer (pack file, `0.25 s every 3 s`)."""
    patterns = [text.rpartition(" every ")[2] for text in pack.buzzer.values() if " every " in text]
    return max((parse_quantity(period, "time").si for period in patterns), default=0.0)


def watch_time(pack: Pack, state: str | Mapping[str, str], written: str | None) -> float:
    """Seconds over which lamps are watched: so many periods of the slowest flash, or just long enough to be steady."""
    words = set(pack.lamp_states[state] if isinstance(state, str) else state.values())
    words = {"flash2" if word == "as_soc_top_flash2" else word for word in words}
    period = max((sum(pack.flash_times(word)) for word in words if word in pack.flash), default=0.0)
    if written is not None and written.endswith((" periods", " period")):
        return max(STEADY, int(written.split()[0]) * period)
    return max(STEADY, 1.25 * period)
