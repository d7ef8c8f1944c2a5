"""The golden pack of a bench: it is known to be good, so a run in which it fails says that the bench is not.

After such a run no product is tested on that bench until the golden pack has passed there again; a bench file may also
ask for a golden run every so often.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from station.model.bench import Bench
from station.model.record import Record
from station.model.verdict import Verdict
from station.run.history import PRODUCTION, Wanted, earlier_records

GOLDEN = "golden"
"""The purpose under which the golden pack is tested."""
OF_PRODUCTS = frozenset({PRODUCTION, "retest", "rework"})
"""The purposes that need a bench which is known to be good."""
PURPOSES = (PRODUCTION, "retest", "rework", GOLDEN)
"""The purposes that something is asked of; one of them misspelt would get round that."""
_DECIDED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.ERROR})


def held_against_bench(purpose: str, verdict: Verdict, reason: str) -> tuple[Verdict, str]:
    """What a run comes to: the golden pack never fails, the bench does."""
    if purpose != GOLDEN or verdict is not Verdict.FAIL:
        return verdict, reason
    return Verdict.ERROR, f"{reason}; the golden pack is good, so the bench is not"


def why_bench_not_free(
    data: Path, bench: Bench, slot: int, wanted: Wanted, serial_number: str, *, simulated: bool, now: datetime
) -> str:
    """Why a bench may not test that pack for that purpose now, and what to do; empty where it may."""
    pack = bench.golden_pack
    if wanted.purpose == GOLDEN:
        known = pack.serial if pack else "none"
        return (
            ""
            if serial_number == known
            else f"{serial_number} is no golden pack: that of bench {bench.bench} is {known}"
        )
    if pack is None or wanted.purpose not in OF_PRODUCTS:
        return ""
    records = earlier_records(data, pack.serial, simulated=simulated)
    last = next((each for each in records if _is_golden_run(each, bench, slot)), None)
    why = _why_not_good(last, None if pack.every is None else pack.every.si, now)
    advice = f"test golden pack {pack.serial} on it with `--serial {pack.serial} --purpose {GOLDEN}`"
    return why and f"bench {bench.bench} {why}: {advice}"


def _is_golden_run(record: Record, bench: Bench, slot: int) -> bool:
    """Whether a run says anything of that bench; one that was stopped or never began does not."""
    return (
        record.purpose == GOLDEN and (record.bench, record.slot) == (bench.bench, slot) and record.verdict in _DECIDED
    )


def _why_not_good(last: Record | None, every: float | None, now: datetime) -> str:
    """Why a bench is not known to be good after its last golden run; `every` is in seconds."""
    if last is not None and last.verdict is not Verdict.PASS:
        return f"is not good, as golden run {last.run} found ({last.reason})"
    if every is None:
        return ""
    if last is None:
        return "asks for a golden run, and there was none yet"
    age = (now - datetime.fromisoformat(last.started_at)).total_seconds()
    return (
        ""
        if 0 <= age <= every
        else f"asks for a golden run every {every / 3600:g} h, the last one began {last.started_at}"
    )
