"""Records as runs leave them, for the tests of the certificate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from station.model.record import (
    Channel,
    FileHash,
    Instrument,
    Mark,
    Measurement,
    Proof,
    Record,
    Simulation,
    Software,
    Step,
    Waveform,
)
from station.model.verdict import Verdict
from station.report.wording import Wording
from station.report.wording_file import load_wording

WORDING_FILE = Path(__file__).parents[2] / "reports" / "certificate.yaml"
GUARD_SAFETY = "safety limit, guard band w = U"
GUARD_OTHER = "guard band w = 0.83 U (ISO 14253-1)"
SIMPLE = "simple acceptance, test uncertainty ratio at least 4"

STEPS = (
    ("start", "A press starts the pack; all LEDs light, ALM goes out, capacity stays", True, 6.1),
    ("window", "Polarity, factory voltage window, case not live", True, 1.4),
    ("identity", "The pack that was scanned, of this product, at its address", True, 3.2),
    ("parameters", "All stored parameters are the released set", True, 4.8),
    ("standby", "RUN blinks as it should, ALM dark; readings, ports and contacts meanwhile", False, 8.3),
    ("standby/readings-at-rest", "Readings of the BMS against the station's own instruments", False, 5.2),
    ("standby/contacts-at-rest", "Dry contacts healthy and isolated", False, 2.2),
    ("resistance", "Two-level DC method; split into cells, bars and main path", False, 12.6),
    ("discharge-overcurrent", "Holds just below the tolerance band, opens just above it", False, 5.9),
    ("discharge-overcurrent-recovery", "Current comes back by itself", False, 61.7),
    ("discharge-trips/at-standard-current", "Protections that stop discharging, by threshold shift", False, 31.0),
    ("charge-trips/shifted", "Protections that stop charging, by threshold shift", False, 38.4),
    ("charge-limiter", "With more current offered the pack takes its limit; switched off, it takes all", False, 7.7),
    ("restore", "All thresholds as they were found, read back", True, 3.9),
    ("shutdown", "A press switches the pack off; terminals free of voltage", False, 5.5),
)

TRIPS = ("cell_undervoltage", "pack_undervoltage", "discharge_overtemperature", "discharge_undertemperature")


def wording() -> Wording:
    """The wording that the project ships."""
    return load_wording(WORDING_FILE)


def measured(
    step: str,
    name: str,
    value: float | str | bool | None,
    unit: str = "",
    low: float | str | None = None,
    high: float | str | None = None,
    uncertainty: float | None = None,
    rule: str = "",
    **others: object,
) -> Measurement:
    """A measurement judged as the station judges: by its limits moved inwards."""
    guard = (uncertainty or 0.0) * {GUARD_SAFETY: 1.0, GUARD_OTHER: 0.83}.get(rule, 0.0)
    accept_low = low + guard if isinstance(low, float) else None
    accept_high = high - guard if isinstance(high, float) else None
    good = isinstance(value, (str, bool)) or (
        isinstance(value, float)
        and (accept_low is None or value >= accept_low)
        and (accept_high is None or value <= accept_high)
    )
    fields: dict[str, object] = {
        "id": f"{step}/{name}",
        "name": name,
        "step": step,
        "at_s": 12.5,
        "value": value,
        "unit": unit,
        "low": low,
        "high": high,
        "uncertainty": uncertainty,
        "accept_low": accept_low,
        "accept_high": accept_high,
        "rule": rule,
        "verdict": Verdict.PASS if good else Verdict.FAIL,
        "source": "6.6",
    }
    return Measurement.model_validate(fields | others)


def good_measurements() -> list[Measurement]:
    """About sixty, of every shape: ranges, one-sided limits, texts, states, counts, values only recorded."""
    rest, resistance = "standby/readings-at-rest", "resistance"
    found = [
        measured("start", "key_start_threshold", 3.02, "s", verdict=None),
        measured("start", "lamps", "lit lit lit lit", low="lit lit lit lit"),
        measured("window", "polarity", "positive", low="positive", safety=True),
        measured("window", "terminal_voltage", 52.4137, "V", 51.5, 53.5, 0.0027, SIMPLE, carried_over=True),
        measured("window", "case_voltage", 0.0123, "V", None, 1.0, 0.0042, GUARD_SAFETY, safety=True),
        measured("window", "time_since_charge", 37.5, "h", verdict=None),
        measured("identity", "firmware", "P15S100A-V1.4", low="P15S100A-V1.4"),
        measured("identity", "cell_count", 15.0, "", 15.0, 15.0),
        measured("identity", "design_capacity", 100.0, "Ah", 100.0, 100.0),
        measured("identity", "full_capacity", 100.42, "Ah", 100.0, None),
        measured("identity", "bms_serial", "PB20260417", verdict=None),
        measured("parameters", "parameters_compared", True),
        measured(rest, "pack_voltage_error", 0.013, "V", -0.2, 0.2, 0.0051, SIMPLE),
        measured(rest, "cell_sum_error", -0.021, "V", -0.3, 0.3, 0.0058, SIMPLE),
        measured(rest, "cell_spread_rest", 7.0, "mV", None, 25.0, 1.2, GUARD_OTHER),
        measured(rest, "temperature_error", 0.6, "K", -3.0, 3.0, 1.1, GUARD_OTHER),
        measured(rest, "current_zero", 0.02, "A", -0.3, 0.3, 0.011, SIMPLE),
        measured(rest, "soc_error", 1.0, "%", -5.0, 5.0, 2.0, GUARD_OTHER),
        measured(rest, "fault_flags", "none", low="none"),
        measured("standby/contacts-at-rest", "contact_isolation", 1.234e9, "Ohm", 1e6, None, 2.5e7, GUARD_OTHER),
        measured("standby/contacts-at-rest", "contact_closed", 0.21, "Ohm", None, 1.0, 0.034, GUARD_OTHER),
        measured(resistance, "pack_resistance", 14.82, "mOhm", 5.0, 30.0, 0.21, SIMPLE),
        measured(resistance, "path_resistance", 4.11, "mOhm", None, 9.0, 0.35, GUARD_OTHER),
    ]
    found += [
        measured(resistance, f"cell_resistance {n}", 0.71 + 0.01 * (n % 5), "mOhm", 0.58, 0.88, 0.018, GUARD_OTHER)
        for n in range(1, 16)
    ]
    for trip in ("discharge_overcurrent", *TRIPS):
        step = trip.replace("_", "-") if trip == "discharge_overcurrent" else "discharge-trips/at-standard-current"
        found += [
            measured(step, f"{trip} trip_time", 1.034, "s", 0.5, 2.0, 0.012, GUARD_SAFETY, safety=True),
            measured(step, f"{trip} trip_current", 0.03, "A", None, 0.2, 0.012, GUARD_SAFETY, safety=True),
            measured(step, f"{trip} flag", "set", low="set"),
        ]
    found += [
        measured("discharge-overcurrent-recovery", "overcurrent_recovery", 60.21, "s", 57.0, 63.0, 0.11, SIMPLE),
        measured("charge-trips/shifted", "current_error", -0.4, "%", -1.5, 1.5, 0.31, SIMPLE),
        measured("charge-trips/shifted", "soc_after", 63.0, "%", verdict=None),
        measured("charge-limiter", "charge_limit", 19.62, "A", 18.0, 22.0, 0.09, SIMPLE),
        measured("shutdown", "terminal_voltage_off", 0.0042, "V", None, 2.0, 0.0011, GUARD_SAFETY, safety=True),
    ]
    return found


def trip(name: str, threshold: float, at: float = 2.03) -> Waveform:
    """Current and voltage around a trip, sampled every 5 ms."""
    times = tuple(round(i * 0.005, 3) for i in range(801))
    current = tuple(round(threshold * (0.7 + 0.15 * t) + 0.2 * math.sin(41 * t), 2) if t < at else 0.03 for t in times)
    shunt = tuple(round(1.002 * value + 0.05, 2) for value in current)
    voltage = tuple(
        round(51.2 - 0.0148 * value + 0.002 * math.sin(97 * t), 4) for t, value in zip(times, current, strict=True)
    )
    return Waveform(
        step=name,
        title=f"{name}: trip under load",
        channels=(
            Channel(name="current of the load", unit="A", t_s=times, values=current),
            Channel(name="current of the shunt", unit="A", t_s=times, values=shunt),
            Channel(name="terminal voltage", unit="V", t_s=times, values=voltage),
        ),
        marks=(
            Mark(label="threshold", level=threshold, unit="A"),
            Mark(label="threshold crossed", at_s=2.0),
            Mark(label="trip", at_s=at),
        ),
    )


def steps(*verdicts: tuple[str, Verdict, str]) -> tuple[Step, ...]:
    """All steps, PASS but for those named with a verdict and a reason."""
    named = {name: (verdict, reason) for name, verdict, reason in verdicts}
    done, started = [], 0.0
    for name, title, gate, duration in STEPS:
        verdict, reason = named.get(name, (Verdict.PASS, ""))
        notes = ("thresholds shifted and put back; alarms above the live value",) if "trips" in name else ()
        done.append(
            Step(
                id=name,
                title=title,
                verdict=verdict,
                reason=reason,
                gate=gate,
                started_s=started,
                duration_s=duration,
                notes=notes,
            )
        )
        started += duration
    return tuple(done)


def proofs(failed: Sequence[str] = ()) -> tuple[Proof, ...]:
    """178 requirements in all states."""
    made = []
    for n in range(1, 179):
        name = f"REQ-{4 + n // 60}.{1 + n // 20 % 9}-{n % 100:02d}"
        text = f"Statement {n} of the manual, which the product has to meet in every delivered pack"
        if name in failed:
            made.append(Proof(id=name, text=text, state="failed", by=("resistance/cell_resistance 9",)))
        elif n % 23 == 0:
            made.append(Proof(id=name, text=text, state="not tested", by=("this bench has no address switch",)))
        elif n % 7 == 0:
            made.append(Proof(id=name, text=text, state="elsewhere", by=("eol-full",)))
        elif n % 11 == 0:
            made.append(Proof(id=name, text=text, state="not testable here", by=("a statement about the design",)))
        elif n % 13 == 0:
            made.append(Proof(id=name, text=text, state="recorded", by=("identity/bms_serial",)))
        else:
            made.append(Proof(id=name, text=text, state="proven", by=("window/terminal_voltage",)))
    return tuple(made)


INSTRUMENTS = (
    Instrument(
        role="supply",
        model="Chroma 62050P-100-100",
        serial_number="62050P01234",
        firmware="02.40",
        calibrated_until="2027-03-31",
    ),
    Instrument(
        role="load",
        model="Chroma 63210A-150-1000",
        serial_number="63210A00077",
        firmware="01.12",
        calibrated_until="2027-03-31",
    ),
    Instrument(
        role="voltmeter",
        model="Keysight 34465A",
        serial_number="MY60001234",
        firmware="A.03.02-03.15-03.02",
        calibrated_until="2027-01-15",
    ),
    Instrument(role="switch, contacts", model="Keysight DAQ970A", serial_number="MY58005678", firmware="A.03.01"),
)


def record(**changes: object) -> Record:
    """A whole run on a real bench, PASS unless changed."""
    fields: dict[str, object] = {
        "run": "20261123T184512.301Z-line-1-1-7f3c",
        "verdict": Verdict.PASS,
        "reason": "",
        "simulation": None,
        "serial_number": "BALI48-000123",
        "product": "bali48",
        "product_title": "BALI48, 48 V 100 Ah LiFePO4 rack pack, 15 cells, PACE BMS",
        "identity": {
            "BMS serial number": "PB20260417",
            "Firmware": "P15S100A-V1.4",
            "Cell lots": "CL2604A017, CL2604A018",
        },
        "attempt": 1,
        "sequence": "eol",
        "sequence_title": "End-of-line test, standard (over-current recovery proven)",
        "plan_sha256": "5f" * 32,
        "floor_s": 171.3,
        "bench": "line-1",
        "bench_title": "End-of-line bench 1",
        "operator": "J. Müller (4711)",
        "purpose": "production",
        "started_at": "2026-11-23T18:45:12.301Z",
        "ended_at": "2026-11-23T18:48:31.882Z",
        "bench_time_s": 198.2,
        "steps": steps(),
        "measurements": tuple(good_measurements()),
        "waveforms": tuple(trip(name, 130.0 - 7 * i) for i, name in enumerate(("discharge_overcurrent", *TRIPS))),
        "instruments": INSTRUMENTS,
        "requirements": proofs(),
        "files": (
            FileHash(path="sequences/eol.yaml", sha256="1a" * 32),
            FileHash(path="fixtures/packs/bali48.yaml", sha256="2b" * 32),
            FileHash(path="fixtures/benches/line-1.yaml", sha256="3c" * 32),
        ),
        "decision_rule": "Safety limits: guard band w = U. Other limits: guard band w = 0.83 U (ISO 14253-1), or "
        "simple acceptance where the test uncertainty ratio is at least 4.",
        "warnings": ("This bench has no hardware watchdog: a hung PC is stopped by the guard process only.",),
        "safe_state": "load off, supply off, 0.02 A, contactors open; all read back",
        "thresholds": "restored and read back",
        "software": Software(
            version="0.1.0",
            python="3.11.7",
            platform="Windows-11-10.0.26100",
            libraries={"pyvisa": "1.16.2", "pyserial": "3.5", "pymodbus": "3.16.1"},
        ),
    }
    return Record.model_validate(fields | changes)


def failed_record(**changes: object) -> Record:
    """A pack with one bad cell and a slow trip, each in the middle of many good values."""
    found = good_measurements()
    for i, m in enumerate(found):
        if m.name == "cell_resistance 9":
            found[i] = measured(
                m.step, m.name, 1.204, "mOhm", 0.58, 0.88, 0.018, GUARD_OTHER, reason="cell 9 has 1.7 times the others"
            )
        if m.name == "discharge_overtemperature trip_time":
            found[i] = measured(
                m.step,
                m.name,
                1.993,
                "s",
                0.5,
                2.0,
                0.012,
                GUARD_SAFETY,
                reason="within the limit, not by its guard band",
            )
    marked = steps(
        ("resistance", Verdict.FAIL, "cell_resistance 9: 1.204 mOhm, at most 0.88 mOhm"),
        ("discharge-trips/at-standard-current", Verdict.FAIL, "discharge_overtemperature opened late"),
    )
    base: dict[str, object] = {
        "reason": "Cell 9 has 1.20 mOhm where at most 0.88 mOhm is allowed.",
        "measurements": tuple(found),
        "steps": marked,
        "requirements": proofs(failed=["REQ-4.1-09"]),
        "attempt": 2,
        "earlier_runs": ("20261123T174001.118Z-line-1-1-02aa",),
    }
    return record(**({"verdict": Verdict.FAIL} | base | changes))


def blocked_record(**changes: object) -> Record:
    """A run that was rightly not started: hardly anything to tell."""
    base: dict[str, object] = {
        "reason": "The breaker of the pack is off: lamps lit and no voltage at the terminals.",
        "steps": (
            Step(
                id="start",
                title="A press starts the pack",
                verdict=Verdict.PASS,
                gate=True,
                started_s=0.0,
                duration_s=6.1,
            ),
            Step(
                id="window",
                title="Polarity, factory voltage window",
                verdict=Verdict.BLOCKED,
                reason="breaker_on is required: switch the breaker on and start again",
                gate=True,
                started_s=6.1,
                duration_s=1.0,
            ),
        ),
        "measurements": (),
        "waveforms": (),
        "requirements": (),
        "warnings": (),
        "thresholds": "never touched",
        "identity": {},
        "bench_time_s": 7.4,
    }
    return record(**({"verdict": Verdict.BLOCKED} | base | changes))


def early_record(**changes: object) -> Record:
    """An ERROR before any instrument had answered: no step, no measurement, no instrument."""
    base: dict[str, object] = {
        "reason": "The load did not answer at TCPIP::load-1::2101::SOCKET within 2 s.",
        "steps": (),
        "instruments": (),
        "files": (),
        "decision_rule": "",
    }
    return blocked_record(**(base | {"verdict": Verdict.ERROR} | changes))


def error_record(**changes: object) -> Record:
    """The station could not judge: one value is missing."""
    found = good_measurements()
    found[14] = measured(
        found[14].step,
        found[14].name,
        None,
        "mV",
        None,
        25.0,
        verdict=Verdict.NOT_TESTED,
        reason="the BMS sent a cell voltage of 65535 mV, which is no value",
    )
    base: dict[str, object] = {
        "reason": "cell_spread_rest could not be judged.",
        "measurements": tuple(found),
        "steps": steps(("standby/readings-at-rest", Verdict.ERROR, "cell_spread_rest: no value")),
    }
    return record(**({"verdict": Verdict.ERROR} | base | changes))


def aborted_record(**changes: object) -> Record:
    """Stopped by the operator half way, with thresholds still shifted."""
    base: dict[str, object] = {
        "reason": "The operator pressed the emergency stop during discharge-trips.",
        "steps": steps(("discharge-trips/at-standard-current", Verdict.ABORTED, "emergency stop"))[:11],
        "measurements": tuple(good_measurements()[:40]),
        "waveforms": (trip("discharge_overcurrent", 130.0),),
        "thresholds": "NOT RESTORED: cell_undervoltage trip reads 3.250 V instead of 2.500 V; run `station restore`",
    }
    return record(**({"verdict": Verdict.ABORTED} | base | changes))


def simulated_record(**changes: object) -> Record:
    """The same run on a simulated bench."""
    simulation = Simulation(twin="factory_fresh", faults=("weak-cell",), seed=7, time="virtual")
    return record(**({"simulation": simulation, "bench": "simulated", "bench_title": "Simulated bench"} | changes))
