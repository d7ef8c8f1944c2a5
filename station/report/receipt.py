"""What an item was left with, and what whoever receives it should find: for page 1."""

from __future__ import annotations

import re
from collections.abc import Iterator

from station.model.record import Measurement
from station.report.figures import number
from station.report.sheet import Sheet

FORECAST = re.compile(r"expected_voltage_after_(\d+(?:\.\d+)?)_d")
"""How a forecast for some days later is named in a record."""


def as_left(sheet: Sheet) -> list[tuple[str, str]]:
    """Two rows, each a name and a text; none for a run that forecast nothing."""
    forecasts = [each for each in sheet.record.measurements if FORECAST.fullmatch(each.name)]
    if not forecasts:
        return []
    texts, step = sheet.wording.identity, forecasts[-1].step
    left = {each.name: each for each in sheet.record.measurements if each.step == step}
    found = ", ".join(_valued(sheet, left[name]) for name in ("terminal_voltage", "soc") if name in left)
    later = ", ".join(_later(sheet, forecasts))
    doubt = max(number(each.uncertainty) or 0.0 for each in forecasts)
    return [(texts.as_left, found), (texts.at_receipt, texts.expected.format(voltages=later, doubt=f"{doubt:g}"))]


def _valued(sheet: Sheet, measurement: Measurement) -> str:
    places = 2 if measurement.unit == "V" else 0
    return f"{number(measurement.value) or 0.0:.{places}f} {sheet.wording.unit(measurement.unit)}"


def _later(sheet: Sheet, forecasts: list[Measurement]) -> Iterator[str]:
    for each in forecasts:
        match = FORECAST.fullmatch(each.name)
        days = match[1] if match else ""
        yield sheet.wording.identity.after.format(volts=f"{number(each.value) or 0.0:.1f}", days=days)
