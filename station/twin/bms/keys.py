"""The one key of the pack: what a press means follows from how long it lasts and whether the BMS is awake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Action = Literal["start", "show_soc", "shutdown", "reset"]


@dataclass(slots=True)
class Key:
    """Press lengths in s. The documents differ (4.2, 6-7, 7-3); these satisfy all three.

    Asleep, the BMS starts once the key is held for `start`. Awake it acts when the key is let go: after `shutdown` it
    goes to sleep, after `reset` it resets; held for `reset_held` it resets at once, and again whenever it has been held
    for as long once more. `dead`: no press arrives; `stuck`: pressed.
    """

    start: float = 1.0
    shutdown: float = 3.0
    reset: float = 6.0
    reset_held: float = 10.0
    dead: bool = False
    stuck: bool = False
    pressed: bool = False
    _since: float | None = None
    _used: bool = False

    def sample(self, now: float, *, awake: bool) -> Action | None:
        """What the key asks for at `now` s; a press that was acted upon asks for nothing when it ends."""
        if (self.pressed or self.stuck) and not self.dead:
            return self._held(now, awake)
        since, self._since = self._since, None
        if since is None or self._used or not awake:
            return None
        return self._released(now - since)

    def _held(self, now: float, awake: bool) -> Action | None:
        if self._since is None:
            self._since, self._used = now, False
        held = now - self._since + 1e-9
        if held < (self.reset_held if awake else self.start):
            return None
        self._since, self._used = now, True
        return "reset" if awake else "start"

    def _released(self, held: float) -> Action:
        if held + 1e-9 >= self.reset:
            return "reset"
        return "shutdown" if held + 1e-9 >= self.shutdown else "show_soc"
