"""The clock that an instrument shows: a date and a time that somebody set, and that run on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from station.twin.scpi import Command, Quantity, ScpiError

FACTORY = datetime(2026, 1, 1)
"""What it shows when it is switched on: nobody knows the date in a bench whose time is virtual."""


class Calendar:
    """Counts from what was last set; `now` tells the seconds since the instrument was switched on."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start at the date from the factory."""
        self._now = now
        self._start = FACTORY

    def at(self, seconds: float) -> datetime:
        """What it shows `seconds` after the instrument was switched on."""
        return self._start + timedelta(seconds=seconds)

    def moment(self, seconds: float) -> str:
        """Date and time of day at that moment: `2026,01,01,14,39,40.058`."""
        shown = self.at(seconds)
        return f"{shown:%Y,%m,%d},{clock(shown)}"

    def commands(self) -> Iterable[Command]:
        """SYSTem:DATE, SYSTem:TIME and SYSTem:UPTime? (days, hours, minutes, seconds)."""
        year, month, day = Quantity(2000, 2099, 2026), Quantity(1, 12, 1), Quantity(1, 31, 1)
        hour, minute, second = Quantity(0, 23, 0), Quantity(0, 59, 0), Quantity(0, 59.999, 0)
        yield Command("SYSTem:DATE", self._set_date, year, month, day)
        yield Command("SYSTem:DATE?", lambda: self._shown().strftime("%Y,%m,%d"))
        yield Command("SYSTem:TIME", self._set_time, hour, minute, second)
        yield Command("SYSTem:TIME?", lambda: clock(self._shown()))
        yield Command("SYSTem:UPTime?", self._uptime)

    def _shown(self) -> datetime:
        return self.at(self._now())

    def _set(self, shown: datetime) -> None:
        self._start = shown - timedelta(seconds=self._now())

    def _set_date(self, year: float, month: float, day: float) -> None:
        try:
            self._set(self._shown().replace(year=round(year), month=round(month), day=round(day)))
        except ValueError as error:
            raise ScpiError(-222) from error

    def _set_time(self, hour: float, minute: float, second: float) -> None:
        midnight = self._shown().replace(hour=0, minute=0, second=0, microsecond=0)
        self._set(midnight + timedelta(hours=round(hour), minutes=round(minute), seconds=second))

    def _uptime(self) -> str:
        minutes, seconds = divmod(int(self._now()), 60)
        hours, minutes = divmod(minutes, 60)
        return ",".join(f"{each:+d}" for each in (*divmod(hours, 24), minutes, seconds))


def clock(shown: datetime) -> str:
    """A time of day as these instruments write it: `14,39,40.058`."""
    return f"{shown:%H,%M,%S}.{shown.microsecond // 1000:03d}"
