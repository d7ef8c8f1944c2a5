"""How long something has been so: delays and debouncing, counted in samples as firmware does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Hold:
    """Since when a condition has held without interruption."""

    since: float | None = None

    def lasted(self, condition: bool, now: float, seconds: float) -> bool:
        """Whether the condition holds at `now` and has held for `seconds`; to be asked at each sample."""
        if not condition:
            self.since = None
            return False
        if self.since is None:
            self.since = now
        return now - self.since >= seconds - 1e-9
