"""What a sequence catches: every fault of the library, and good packs over their whole tolerance, each in a run."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from station.model.fault import Expected, FaultFile
from station.model.verdict import Verdict
from station.run.plan import Files, Plan
from station.studies.deeds import START, VERIFY
from station.studies.good_packs import good_pack, good_state
from station.studies.simulation import DEFAULT_STATE, read_faults
from station.studies.trial import Case, Margin, Outcome, Tried
from station.twin.states import State, read_state

MAGNITUDES = 3
"""At most so many of each fault: the mildest, the strongest, and one between."""


def faults_for(plan: Plan, files: Files, names: Iterable[str] = ()) -> tuple[FaultFile, ...]:
    """The named faults, or all of the library, with what that plan must make of each; raises InvalidFile."""
    chosen = tuple(names) or files.library.names("fault")
    steps = {step.path for top in plan.steps for step in top.walk()} | {START, VERIFY}
    return tuple(_fitted(fault, steps) for fault in read_faults(files, (files.open("fault", name) for name in chosen)))


def _fitted(fault: FaultFile, steps: Set[str]) -> FaultFile:
    """A fault that only a step of another sequence can catch is a gap of this one."""
    if fault.expect is None or not fault.expect.steps or steps & {*fault.expect.steps}:
        return fault
    gap = f"only a sequence with the step {' or '.join(fault.expect.steps)} sees it"
    return fault.model_copy(update={"expect": Expected(verdict=Verdict.PASS, gap=gap)})


def default_state(files: Files) -> State:
    """The state in which packs come to the sequence; raises InvalidFile."""
    return read_state(DEFAULT_STATE, files.library)


def fault_cases(faults: Iterable[FaultFile], state: State, seeds: int) -> tuple[Case, ...]:
    """Each fault in up to three magnitudes, each in packs of so many seeds; what is done to any pack, in one."""
    return tuple(
        Case((chosen,), state, seed, number)
        for fault in faults
        for number, chosen in enumerate(_spread(fault.magnitudes), 1)
        for seed in range(1, (seeds if fault.do is None else min(seeds, 1)) + 1)
    )


def _spread(magnitudes: Sequence[FaultFile]) -> Sequence[FaultFile]:
    middle = magnitudes[1:-1]
    return (magnitudes[0], middle[len(middle) // 2], magnitudes[-1]) if len(magnitudes) > MAGNITUDES else magnitudes


def good_cases(state: State, seeds: Iterable[int]) -> tuple[Case, ...]:
    """A good pack of each seed."""
    return tuple(Case((good_pack(seed),), good_state(state, seed), seed, is_good_pack=True) for seed in seeds)


def drawn(cases: Sequence[Case], count: int, text: str) -> tuple[Case, ...]:
    """So many of the cases, always the same for the same text; every class has its share."""
    order = random.Random(text)
    shuffled = order.sample(cases, len(cases))
    rank = {id(case): place / len(group) for group in _by_class(shuffled) for place, case in enumerate(group)}
    return tuple(sorted(shuffled, key=lambda case: rank[id(case)])[:count])


def _by_class(cases: Iterable[Case]) -> list[list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.class_, []).append(case)
    return list(groups.values())


def pair_cases(faults: Sequence[FaultFile], state: State, count: int, text: str) -> tuple[Case, ...]:
    """Two faults at once, at their strongest, drawn by a text; at most one of the two is something that is done."""
    order, pairs = random.Random(f"{text} pairs"), list[Case]()
    while len(pairs) < count and len(faults) > 1:
        one, other = order.sample(faults, 2)
        if one.do is None or other.do is None:
            pairs.append(Case((one.magnitudes[-1], other.magnitudes[-1]), state, order.randint(1, 999)))
    return tuple(pairs)


def good_seeds(count: int, text: str = "") -> tuple[int, ...]:
    """Seeds of good packs: 1, 2, 3 ..., or with a text such that nobody tried before, always the same for that text."""
    if not text:
        return tuple(range(1, count + 1))
    return tuple(random.Random(f"{text} good packs").sample(range(1, 10**6), count))


@dataclass(frozen=True, slots=True)
class Coverage:
    """What came of all trials."""

    tried: tuple[Tried, ...]

    @property
    def faults(self) -> tuple[Tried, ...]:
        """Trials of faults, by class and name."""
        return tuple(sorted((each for each in self.tried if not each.case.is_good_pack), key=_order))

    @property
    def good_packs(self) -> tuple[Tried, ...]:
        """Trials of good packs, by seed."""
        return tuple(sorted((each for each in self.tried if each.case.is_good_pack), key=lambda each: each.case.seed))

    @property
    def wrong(self) -> tuple[Tried, ...]:
        """Faults that escaped, or got another verdict or step than they must."""
        return tuple(each for each in self.faults if not each.outcome.good)

    @property
    def rejected(self) -> tuple[Tried, ...]:
        """Good packs that did not pass."""
        return tuple(each for each in self.good_packs if not each.outcome.good)

    @property
    def good(self) -> bool:
        """Whether nothing escaped and no good pack was rejected."""
        return not self.wrong and not self.rejected

    def worst_margins(self) -> tuple[tuple[Margin, int], ...]:
        """The worst margin of each limit over the good packs, and the seed that had it; the tightest first."""
        worst: dict[str, tuple[Margin, int]] = {}
        for each in self.good_packs:
            for margin in each.margins:
                known = worst.get(margin.measurement)
                if known is None or margin.share < known[0].share:
                    worst[margin.measurement] = (margin, each.case.seed)
        return tuple(sorted(worst.values(), key=lambda found: found[0].share))

    def summary(self) -> str:
        """One line."""
        faults = {each.case.name for each in self.faults}
        bad = {each.case.name for each in self.wrong}
        gaps = {each.case.name for each in self.faults if each.outcome is Outcome.GAP} - bad
        idle = {each.case.name for each in self.faults if each.outcome is Outcome.NOT_DONE} - bad
        caught = len(faults) - len(bad) - len(gaps) - len(idle)
        parts = [f"{len(faults)} faults, {caught} as expected, {len(gaps)} gaps, {len(bad)} escaped or wrong"]
        if idle:
            parts[0] += f", {len(idle)} not done"
        parts.append(f"{len(self.good_packs)} good packs, {len(self.rejected)} rejected")
        if seconds := sorted(each.cpu_s for each in self.tried):
            last = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
            parts.append(f"CPU per run {statistics.median(seconds):.1f} s median, {last:.1f} s p95")
        return "; ".join(parts)


_CLASSES = ("pack", "line", "bench", "operator", "pc")


def _order(tried: Tried) -> tuple[int, str, int, int]:
    case = tried.case
    rank = _CLASSES.index(case.class_) if case.class_ in _CLASSES else len(_CLASSES)
    return rank, case.name, case.magnitude, case.seed
