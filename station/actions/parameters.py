"""The stored parameters of the pack: compared with the released set, shifted for a test, and always put back.

Before the first write the parameters as found are in the journal, on the disk. They are restored on every way out of
a run and read back; a run that dies leaves them to be restored from its journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from station.actions.errors import NotKept
from station.actions.stage import Stage
from station.bms.errors import NotStored, PackRefused
from station.bms.pace_ascii import PaceAscii
from station.model.events import OriginalsKept, ParametersChanging, ParametersRestored
from station.model.pack import Pack
from station.model.protocol import Protocol
from station.model.sequence import LeaveChanged, WriteBack

ASCII = "rs232"
"""The port on which the BMS takes what has no register."""


class Parameters:
    """All stored parameters of one pack in one run."""

    def __init__(self, stage: Stage, protocol: Protocol) -> None:
        """Touch nothing yet."""
        self._stage = stage
        self._protocol = protocol
        self._originals: dict[int, int] | None = None
        self._written: dict[int, int] = {}
        self._astray: frozenset[int] = frozenset()
        """Registers to which a reset has brought back another value than the last that was written there."""
        self._unlimited = False
        self.left: dict[str, float] = {}
        """What was changed to see whether it survives a reset, in station units."""
        self.shifted = False
        """Whether something was written that has not been restored and read back."""

    def now(self) -> dict[str, float]:
        """All values as the pack stores them now, by register name, in station units."""
        words = self._stage.port.bms.parameters()
        if self._originals is None:
            self._originals = dict(words)
        return self._decoded(words)

    def after_reset(self) -> dict[str, float]:
        """All values as `now`; one that is neither as it was found nor as it was written last is shifted again."""
        found, originals, told = self.now(), self.stored(), self.believed()
        names = (name for name, value in found.items() if value not in (originals[name], told[name]))
        self._astray |= {self._protocol.by_name[name].address for name in names}
        self.shifted = self.shifted or bool(self._astray)
        return found

    def stored(self) -> dict[str, float]:
        """The values as they were found at first, by register name."""
        return self.now() if self._originals is None else self._decoded(self._originals)

    def believed(self) -> dict[str, float]:
        """The values as found, with everything that this run has shifted since; asks the pack nothing."""
        return self.stored() | self._decoded(self._written)

    def write(self, why: str, values: Mapping[str, float]) -> None:
        """Write values by register name, journalled first, in as few frames as can be, and read back.

        What an earlier write has shifted goes back in the same frames.
        """
        self.stored()
        stage, words = self._stage, self._encoded(values)
        if not self.shifted:
            self._keep_originals()
        stage.emit(ParametersChanging(at_s=stage.at_s, why=why, words=_text_keys(words)))
        stage.found.energised = True
        self.shifted = True
        frame = self._bridged({address: (self._originals or {})[address] for address in self._written} | words)
        self._written |= words
        stage.port.bms.write_words(frame)
        self._written = words

    def limit_charge(self, on: bool) -> None:
        """Switch the charge limiter, over RS232; one that is off is on again after `restore`. Raises NotStored."""
        self.stored()
        stage = self._stage
        if not self.shifted:
            self._keep_originals()
        stage.emit(ParametersChanging(at_s=stage.at_s, why=f"charge limiter {'on' if on else 'off'}", words={}))
        stage.found.energised = True
        self.shifted, self._unlimited = True, not on
        stage.bench.port(ASCII).speaking(PaceAscii).limiter(on)

    def adopt(self, originals: Mapping[int, int]) -> None:
        """Take the raw words that an earlier run found as those that `restore` puts back; journalled first.

        That run may have switched the charge limiter off, too.
        """
        self._originals = dict(originals)
        self._keep_originals()
        self.shifted = True
        self._unlimited = bool(self._stage.pack.charge_limiter) and self._stage.bench.has(ASCII)

    def put_back(self) -> None:
        """Put back what was written since the last time, in one frame with its read-back, or as `restore` does.

        Raises NotKept where the pack does not take it.
        """
        if left := self._put_back():
            raise NotKept(f"the pack keeps shifted values of {', '.join(left)}")

    def _put_back(self) -> tuple[str, ...]:
        if not self._written or self._originals is None or self._astray:
            return self.restore()
        originals = {address: self._originals[address] for address in self._written}
        try:
            self._stage.port.bms.write_words(self._bridged(originals))
        except (NotStored, PackRefused):
            return self.restore()
        return self._ended(())

    def restore(self) -> tuple[str, ...]:
        """Put every value that differs back as it was found; says which could not be, nothing when all are back.

        A value that strayed by itself may do so again at the next reset, so it counts as not back.
        """
        if not self.shifted or self._originals is None:
            return ()
        bms = self._stage.port.bms
        wrong = self._differing(bms.parameters())
        self._write_groups({_group(name) for name in wrong})
        return self._ended(self._differing(bms.parameters()) if wrong else ())

    def _ended(self, words: tuple[str, ...]) -> tuple[str, ...]:
        left = (*dict.fromkeys((*words, *self._names(sorted(self._astray)))), *self._limited_again())
        self.shifted = bool(left)
        self._written.clear()
        self.left.clear()
        self._stage.emit(ParametersRestored(at_s=self._stage.at_s, wrong=left))
        return left

    def _limited_again(self) -> tuple[str, ...]:
        """Limited is how a pack leaves the station (manual 4.2), however it came; says what could not be done."""
        if self._unlimited:
            try:
                self._stage.bench.port(ASCII).speaking(PaceAscii).limiter(True)
            except (NotStored, PackRefused):
                return ("charge_limiter",)
        self._unlimited = False
        return ()

    def _differing(self, words: Mapping[int, int]) -> tuple[str, ...]:
        """Names of the registers whose words are not those that were found at first."""
        return self._names(at for at, word in (self._originals or {}).items() if words.get(at) != word)

    def _bridged(self, words: Mapping[int, int]) -> dict[int, int]:
        """The words and, where the gaps can be written, what stands between them: one frame costs less than several."""
        first, count = min(words), max(words) - min(words) + 1
        if not self._protocol.is_writable(first, count):
            return dict(words)
        between = (self._originals or {}) | self._written
        return {address: between[address] for address in range(first, first + count)} | dict(words)

    def _write_groups(self, groups: Iterable[str]) -> None:
        """Write back everything that belongs to a protection in one frame each, in an order that the firmware takes.

        The order of the setting ranges links protections to each other, so one may be refused until another is back.
        """
        waiting = sorted(groups)
        while waiting:
            refused = [group for group in waiting if not self._takes(group)]
            if len(refused) == len(waiting):
                return
            waiting = refused

    def _takes(self, group: str) -> bool:
        values = {name: value for name, value in self.stored().items() if _group(name) == group}
        try:
            self._stage.port.bms.write(values)
        except (NotStored, PackRefused):
            return False
        return True

    def _keep_originals(self) -> None:
        words = _text_keys(self._originals or {})
        self._stage.emit(OriginalsKept(at_s=self._stage.at_s, words=words))

    def step_of(self, name: str) -> float:
        """The smallest change of a stored value that the BMS knows, in station units."""
        return self._protocol.by_name[name].step

    def _names(self, addresses: Iterable[int]) -> tuple[str, ...]:
        return tuple(self._protocol.by_address[address].name for address in addresses)

    def _decoded(self, words: Mapping[int, int]) -> dict[str, float]:
        found = {}
        for address, word in words.items():
            register = self._protocol.by_address[address]
            value = register.decode((word,))
            if isinstance(value, float | int):
                found[register.name] = float(value)
        return found

    def _encoded(self, values: Mapping[str, float]) -> dict[int, int]:
        return {
            self._protocol.by_name[name].address: self._protocol.by_name[name].encode(value)[0]
            for name, value in values.items()
        }


def _text_keys(words: Mapping[int, int]) -> dict[str, int]:
    return {str(address): word for address, word in words.items()}


def _group(name: str) -> str:
    """The protection that a value belongs to; a value of none is a group of its own."""
    return name.rpartition(".")[0] or name


def differences(pack: Pack, stored: Mapping[str, float]) -> list[str]:
    """How stored parameters differ from the released set of the pack file, one plain clause each."""
    return [
        f"{name} is {stored[name]:g}, released is {quantity}" if name in stored else f"{name} is not stored"
        for name, quantity in pack.released.items()
        if name not in stored or abs(stored[name] - quantity.si) > 1e-6 * max(1.0, abs(quantity.si))
    ]


def carry_out(stage: Stage, parameters: Parameters) -> None:
    """The action `parameters` of a step: compare, restore, or write one back."""
    what = stage.step.parameters
    if isinstance(what, WriteBack):
        _write_back(stage, parameters, what.write_back)
    elif isinstance(what, LeaveChanged):
        _leave(parameters, what.leave)
    elif what == "restore":
        _restore(stage, parameters)
    else:
        compare(stage, parameters.now())


def compare(stage: Stage, stored: Mapping[str, float], name: str = "parameters") -> None:
    """Judge stored parameters against the released set."""
    wrong = differences(stage.pack, stored)
    stage.expect(name, "differ" if wrong else "released", "released", "; ".join(wrong), witness="pack")


def put_back(stage: Stage, parameters: Parameters, what: str = "") -> None:
    """Put everything back and judge whether it is, of a protection or a group where it has a name; raises NotKept."""
    name = f"{what}_restored" if what else "restored"
    try:
        parameters.put_back()
    except NotKept as error:
        stage.expect(name, "not restored", "restored", str(error))
        raise
    stage.expect(name, "restored", "restored")


def _restore(stage: Stage, parameters: Parameters) -> None:
    put_back(stage, parameters)
    compare(stage, parameters.now(), "read_back")


def _leave(parameters: Parameters, name: str) -> None:
    """Change a harmless parameter by one step, for what comes next to survive."""
    value = parameters.stored()[name] + parameters.step_of(name)
    parameters.write(f"{name} is changed, to survive a reset", {name: value})
    parameters.left[name] = value


def see_survived(stage: Stage, parameters: Parameters) -> None:
    """Judge that what was left changed is still so, put it back, and judge the whole set (REQ-4.2-61, REQ-7.3-03)."""
    stored, left = parameters.after_reset(), dict(parameters.left)
    for name, value in left.items():
        state = "survives" if stored[name] == value else "is lost"
        reason = f"{value:g} was written, {stored[name]:g} is left of it: the board does not remember"
        stage.expect(f"{name}_written", state, "survives", reason, witness="pack")
    if left:
        put_back(stage, parameters)
    compare(stage, stored | {name: parameters.stored()[name] for name in left}, "parameters_released")


def _write_back(stage: Stage, parameters: Parameters, name: str) -> None:
    """Write a harmless parameter one step up, read it back, and put it back (REQ-6.4-01, REQ-6.11-07)."""
    before = parameters.stored()[name]
    try:
        parameters.write(f"{name} is written and put back", {name: before + parameters.step_of(name)})
        outcome, reason = "stored", ""
    except NotStored as error:
        outcome, reason = "not stored", str(error)
    stage.expect(f"write_{name}", outcome, "stored", reason)
    put_back(stage, parameters, name)
