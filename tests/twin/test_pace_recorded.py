"""What real programs were recorded to ask real boards, asked of the simulated pack and a second one beside it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from twin.rig import protocol
from twin.serial_bench import COMMANDS, SerialBench

from station.codecs.pace_ascii import Rtn, parse
from station.model.files import read

CAPTURES = cast(
    "dict[str, dict[str, str]]",
    read(Path(__file__).parents[1] / "codecs/captures/pace-ascii.yaml").data["frames"],
)
ASKED = {
    each["frame"].encode() + b"\r": name
    for name, each in CAPTURES.items()
    if each.keys() & {"request", "reads", "writes"}
}
NOT_HERE = b"~25004699E0020EFD11\r"
"""The protocol of a CAN port, which this board does not have."""


@pytest.mark.parametrize("request_", ASKED, ids=ASKED.values())
def test_every_recorded_request_is_carried_out(request_: bytes) -> None:
    bench = SerialBench()
    bench.serial.bus.packs = 2
    answer = parse(bench.ask(request_, "rs232"))
    assert answer.code == (Rtn.FAILED if request_ == NOT_HERE else Rtn.OK)
    asked = parse(request_)
    sets = {kind.read: kind for kind in COMMANDS.parameters.values()}
    if asked.code in sets:
        assert sets[asked.code].decode(answer.info, protocol().by_name).keys() == set(sets[asked.code].names)


def test_one_after_the_other_they_are_answered_until_the_pack_is_sent_to_sleep() -> None:
    bench = SerialBench()
    for request in ASKED:
        if not bench.bms.answers:
            assert bench.ask(request, "rs232") == b""
            bench = SerialBench()
        assert bench.ask(request, "rs232")
