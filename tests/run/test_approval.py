"""What somebody approved is what products are tested by; whatever differs is BLOCKED before anything is touched."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench_runs import SERIAL, Ran, rig

from station.cli.main import status
from station.model.bench import Bench
from station.model.library import Library
from station.report.keys import KeyStore
from station.run.approval import FOLDER, NONE, Standing, approve, standing
from station.run.plan import Files, Plan, make_plan

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def keys(own_keys: Path) -> KeyStore:
    return KeyStore(own_keys)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """The shipped files, of which those in `own` come first."""
    (tmp_path / "own/fixtures/packs").mkdir(parents=True)
    return Library((tmp_path / "own", *Library.default().roots))


def planned(library: Library) -> tuple[Files, Plan]:
    files = Files(library)
    return files, make_plan(files, "eol", files.bench("simulated"), SERIAL)


def approved(data: Path, library: Library, keys: KeyStore, by: str = "QA", now: datetime = NOW) -> Path:
    files, plan = planned(library)
    approve(data, files, plan, by, now, keys.keys("simulated"))
    return max((data / FOLDER / "eol" / "simulated").glob("*.json"))


def edit_the_limits(library: Library) -> None:
    text = library.find("pack", "bali48").read_text("utf-8")
    (library.roots[0] / "fixtures/packs/bali48.yaml").write_text(f"{text}# edited\n", "utf-8")


def stands(data: Path, library: Library, keys: KeyStore) -> Standing:
    return standing(data, planned(library)[1], keys)


def test_where_nothing_was_approved_nothing_is_blocked(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    assert stands(tmp_path, library, keys) == Standing(NONE)


def test_the_approved_files_may_test_and_say_by_whom(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    approved(tmp_path, library, keys)
    assert stands(tmp_path, library, keys) == Standing("approved by QA on 2026-11-24T08:00:00+00:00")


def test_an_edited_file_is_named_until_it_is_approved(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    approved(tmp_path, library, keys)
    edit_the_limits(library)
    against = stands(tmp_path, library, keys).against
    assert against.startswith("pack/bali48 is not as approved by QA")
    assert "station approve eol --bench simulated --by NAME" in against
    approved(tmp_path, library, keys, "QA manager", NOW - timedelta(days=1))
    assert stands(tmp_path, library, keys).words.startswith("approved by QA manager"), "even if the clock was set back"


def test_an_approval_for_another_bench_is_none_for_this_one(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    approved(tmp_path, library, keys)
    (tmp_path / FOLDER / "eol/simulated").rename(tmp_path / FOLDER / "eol/line-7")
    assert "not for simulated" in stands(tmp_path, library, keys).against


def test_an_altered_approval_does_not_count(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    path = approved(tmp_path, library, keys)
    content = json.loads(path.read_text("utf-8"))
    content["approval"]["by"] = "somebody else"
    path.write_text(json.dumps(content), "utf-8")
    assert "altered" in stands(tmp_path, library, keys).against
    path.write_bytes(b"{}")
    assert "does not count" in stands(tmp_path, library, keys).against


def test_an_approval_signed_by_a_stranger_does_not_count(tmp_path: Path, library: Library, keys: KeyStore) -> None:
    approved(tmp_path, library, KeyStore(tmp_path / "strange"))
    assert "nobody whose approval counts" in stands(tmp_path, library, keys).against


def test_the_key_of_the_twin_approves_nothing_for_a_real_bench(
    tmp_path: Path, library: Library, keys: KeyStore
) -> None:
    approved(tmp_path, library, keys)
    files, plan = planned(library)
    real: Bench = plan.bench.model_copy(update={"kind": "real"})
    assert standing(tmp_path, make_plan(files, "eol", real, SERIAL), keys).against


def run(data: Path, purpose: str) -> Ran:
    with rig() as bench:
        bench.purpose = purpose
        bench.at("identity", lambda: bench.scopes.stop("seen enough"))
        return bench.run(data)


def test_a_run_for_production_is_blocked_and_one_for_nothing_says_that_it_differs(
    tmp_path: Path, library: Library, keys: KeyStore
) -> None:
    edit_the_limits(library)
    approved(tmp_path, library, keys)
    blocked = run(tmp_path, "production").record
    assert (blocked.verdict, blocked.steps) == ("BLOCKED", ())
    assert "pack/bali48 is not as approved by QA" in blocked.reason
    free = run(tmp_path, "").record
    assert free.verdict == "ABORTED"
    assert free.approval.startswith("pack/bali48 is not as approved")


def test_the_command_approves_and_shows_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["approve", "eol", "--bench", "simulated", "--by", "QA", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("eol on simulated: approved by QA on ")
    assert all(kind in said for kind in ("sequence/eol", "pack/bali48", "protocol/pace-modbus", "bench/simulated"))
    record = run(tmp_path, "production").record
    assert record.verdict == "ABORTED"
    assert record.approval.startswith("approved by QA")


def test_nobody_approves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["approve", "eol", "--bench", "simulated", "--by", " ", "--data", str(tmp_path)]) == 2
    assert "--by: say who answers for it" in capsys.readouterr().err
