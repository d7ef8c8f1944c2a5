"""The exported JSON Schemas: valid, at one with our own files, and strict about the usual mistakes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from station.cli.check import SCHEMAS, schema_of
from station.cli.main import status
from station.model.files import read

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "sequences": "sequence",
    "fixtures/packs": "pack",
    "fixtures/protocols": "protocol",
    "fixtures/benches": "bench",
    "fixtures/twins": "twin",
    "fixtures/faults": "fault",
}
FILES = [(kind, path) for folder, kind in FOLDERS.items() for path in sorted((ROOT / folder).glob("*.yaml"))]
KINDS = sorted(SCHEMAS)


def is_valid(kind: str, data: object) -> bool:
    return Draft202012Validator(schema_of(kind)).is_valid(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema_and_names_its_dialect(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["schema", kind]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert schema == schema_of(kind)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda each: getattr(each, "stem", each))
def test_our_own_files_fit(kind: str, path: Path) -> None:
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema_of(kind)).iter_errors(read(path).data)
    ]
    assert errors == []


Spoil = Callable[[dict], object]  # type: ignore[type-arg] # plain data of any depth


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("sequence", lambda data: data["steps"][0].update(mesure="polarity")),
        ("sequence", lambda data: data["steps"][0].update(press_key=3.5)),
        ("sequence", lambda data: data["steps"][0].update(press_key="3.5 s")),
        ("sequence", lambda data: data["steps"][0].update(gate="yes")),
        ("sequence", lambda data: data["steps"][0].update(step="Start it")),
        ("sequence", lambda data: data["steps"][1].update(measure=["polarity", 5])),
        ("sequence", lambda data: data["steps"][1].update(expect={"lamp": "standby"})),
        ("sequence", lambda data: data.pop("title")),
        ("sequence", lambda data: data.update(steps=[])),
        ("sequence", lambda data: data.update(after_fail="perhaps")),
        ("pack", lambda data: data["limits"]["factory_window"].update({"is": "51.5 to 53.5"})),
        ("pack", lambda data: data["limits"]["factory_window"].update({"is": 51.5})),
        ("pack", lambda data: data["limits"]["factory_window"].update({"is": "51.5 volts to 53.5 volts"})),
        ("pack", lambda data: data["limits"]["factory_window"].update({"provs": []})),
        ("pack", lambda data: data["currents"].update(standard="20 V")),
        ("pack", lambda data: data["currents"].update(standard="20")),
        ("pack", lambda data: data["keys"].update(start=3.5)),
        ("pack", lambda data: data.update(cells=17)),
        ("bench", lambda data: data["shared"].update(suply=data["shared"].pop("supply"))),
        ("bench", lambda data: data["shared"]["supply"].pop("model")),
        ("bench", lambda data: data["envelope"].update(voltage="57 A")),
        ("bench", lambda data: data["envelope"].pop("charge_current")),
        ("bench", lambda data: data["uncertainty"]["voltmeter"].update(voltage="good")),
        ("bench", lambda data: data.update(kind="virtual")),
        ("bench", lambda data: data["shared"]["supply"].update(calibrated_until=2027)),
        ("fault", lambda data: data.update({"class": "weather"})),
        ("fault", lambda data: data.update(change={})),
        ("twin", lambda data: data.update(socc="99 %")),
        ("protocol", lambda data: data["line"].update(parity="mark")),
    ],
)
def test_the_usual_mistakes_do_not_fit(kind: str, spoil: Spoil) -> None:
    data = copy.deepcopy(next(read(path).data for each, path in FILES if each == kind))
    assert is_valid(kind, data)
    spoil(data)
    assert not is_valid(kind, data)
