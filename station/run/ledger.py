"""What counts towards the verdict of a run, and which of it decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from station.model.verdict import Verdict, strongest


@dataclass(frozen=True, slots=True)
class Judged:
    """Something that counts towards the verdict: where, what, and why it is not PASS."""

    path: str
    verdict: Verdict
    reason: str


class Ledger:
    """All that was judged in a run, in order. A mark is a place in it: what was judged since counts as one."""

    def __init__(self) -> None:
        """Nothing was judged."""
        self._entries: list[Judged] = []
        self.over = False
        """Whether the run has ended before its last step: no further step begins."""

    @property
    def mark(self) -> int:
        """Where it stands."""
        return len(self._entries)

    def judge(self, path: str, verdict: Verdict, reason: str) -> None:
        """Let something count."""
        self._entries.append(Judged(path, verdict, reason))

    def end(self, path: str, verdict: Verdict, reason: str) -> None:
        """Let something count, and no further step begin."""
        self.judge(path, verdict, reason)
        self.over = True

    def worst(self, mark: int = 0) -> Judged:
        """What decides since `mark`; where nothing was judged and no trouble met, all was done that should be."""
        return _worst(self._entries[mark:])

    def make_up(self, failed: int, passed: int) -> None:
        """Let what was judged since the mark `failed` count no longer: it was done again, from the mark `passed` on."""
        del self._entries[failed:passed]

    def excuse(self, mark: int) -> None:
        """Let what was not tested since `mark` not count."""
        self._entries[mark:] = [each for each in self._entries[mark:] if each.verdict is not Verdict.NOT_TESTED]

    def verdict(self) -> tuple[Verdict, str]:
        """The verdict of the run and, unless it is PASS, one sentence that says why."""
        worst = _worst(self._entries or [Judged("", Verdict.NOT_TESTED, "nothing was tested")])
        if worst.verdict is Verdict.NOT_TESTED:
            worst = Judged(worst.path, Verdict.ERROR, f"{worst.reason} (mandatory, and not tested)")
        why = f"{worst.path}: {worst.reason}" if worst.path else worst.reason
        return worst.verdict, "" if worst.verdict is Verdict.PASS else why


def _worst(judged: Sequence[Judged]) -> Judged:
    verdict = strongest(each.verdict for each in judged) if judged else Verdict.PASS
    reason = next((each.reason for each in judged if each.verdict is verdict and each.reason), "")
    path = next((each.path for each in judged if each.verdict is verdict), "")
    return Judged(path, verdict, reason)
