"""The faults of a twin in time: each sets in when its file says so, and what it changed is put back when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

import numpy as np

from station.model.fault import Condition, FaultFile, When
from station.model.files import Location
from station.twin.parameters import UnknownParameter, assign, value_at


@dataclass(slots=True)
class _Fault:
    """One fault on its way: waiting for its time or step, then for its condition, then there, then over."""

    file: FaultFile
    step_began: bool = False
    ends: float = inf
    undo: list[Callable[[], None]] = field(default_factory=list)
    there: bool = False
    over: bool = False

    @property
    def when(self) -> When:
        return self.file.when or _FROM_THE_START

    @property
    def starts(self) -> float:
        """From when on its condition counts; infinity: not before its step."""
        if self.when.step is not None and not self.step_began:
            return inf
        return self.when.at.si if self.when.at else 0.0

    def settle(self, root: object, now: float) -> None:
        if self.there and (now >= self.ends or not _hold(root, self.when.while_)):
            self._end()
        elif not self.there and now >= self.starts and _hold(root, self.when.while_ or self.when.once):
            self._begin(root, now)

    def _begin(self, root: object, now: float) -> None:
        self.there = True
        for name, value in self.file.settings.items():
            try:
                self.undo.append(assign(root, name, value))
            except UnknownParameter as error:
                raise UnknownParameter(f"fault {self.file.fault}: {error}") from None
        self.ends = now + self.when.for_.si if self.when.for_ else inf
        self.over = self.ends == inf and self.when.while_ is None

    def _end(self) -> None:
        while self.undo:
            self.undo.pop()()
        self.there, self.over = False, self.when.while_ is None


_FROM_THE_START = When.model_construct()


class Faults:
    """All faults of a twin; `root` is where their names start."""

    def __init__(self, root: object, files: Iterable[FaultFile]) -> None:
        """Nothing is changed yet."""
        self._root = root
        self._faults = [_Fault(file) for file in files]

    def step_began(self, step: str) -> None:
        """A step of the run begins; the faults that wait for it may set in."""
        for fault in self._faults:
            fault.step_began = fault.step_began or fault.when.step == step

    def settle(self, now: float) -> None:
        """Let set in and end what is due at `now` s after the start of the twin; raises UnknownParameter."""
        for fault in self._faults:
            fault.settle(self._root, now)
        self._faults = [fault for fault in self._faults if not fault.over]

    def due(self, now: float) -> float:
        """When one of them sets in or ends by time, after `now`; conditions are looked at whenever time moves."""
        times = (fault.ends if fault.there else fault.starts for fault in self._faults)
        return min((time for time in times if time > now), default=inf)


def _hold(root: object, conditions: Mapping[str, Condition] | None) -> bool:
    return all(condition.holds(value_at(root, name)) for name, condition in (conditions or {}).items())


def misfits(root: object, file: FaultFile) -> Iterator[tuple[Location, str]]:
    """What in a fault file does not fit this twin, as (place in the file, message); the twin is left as it was."""
    for magnitude in file.magnitudes:
        for name, value in magnitude.settings.items():
            try:
                assign(root, name, value)()
            except UnknownParameter as error:
                yield ("change", name), str(error)
    when = file.when or _FROM_THE_START
    for word, conditions in (("while", when.while_), ("once", when.once)):
        yield from (
            (("when", word, name), message) for name in conditions or {} if (message := _incomparable(root, name))
        )


def _incomparable(root: object, name: str) -> str:
    """Why nothing can be compared with a parameter, if so."""
    try:
        several = isinstance(value_at(root, name), (np.ndarray, list, dict))
    except UnknownParameter as error:
        return str(error)
    return f"`{name}` is more than one value; name one, such as `{name}[1]`" if several else ""
