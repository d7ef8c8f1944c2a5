"""A port that vanishes in an exchange, stays away or returns, with the same pack on it or with another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from station.bms import PaceModbus
from station.bms.comeback import PATIENCE
from station.clock import VirtualClock
from station.codecs.modbus import with_crc
from station.model.library import Library
from station.model.protocol import read_protocol
from station.wires.errors import ConnectionLost

PROTOCOL = read_protocol(Library.default().find("protocol", "pace-modbus"))
LOST = "COM7: the adapter is gone"
SOC = 2


class Adapter:
    """A wire to a pack, whose adapter may be pulled out for some seconds."""

    def __init__(self, clock: VirtualClock) -> None:
        self.words = [0] * 180
        self.functions: list[int] = []
        self.losing_answer = False
        self._clock = clock
        self._back_at = 0.0
        self._open = True
        self.number("BALI48-000001")

    def number(self, text: str) -> None:
        register = PROTOCOL.by_name["pack_sn"]
        self.words[register.address : register.end] = register.encode(text)

    def pull(self, seconds: float) -> None:
        self._open, self._back_at = False, self._clock.now() + seconds

    def exchange(
        self, request: bytes, length_of: Callable[[bytes], int | None], first_byte: float, between: float
    ) -> bytes:
        if not self._open:
            self.reopen()
        self._clock.wait(0.05)
        self.functions.append(request[1])
        answer = self._answer(request)
        if self.losing_answer:
            self.losing_answer = False
            self.pull(0.5)
            raise ConnectionLost(LOST)
        return answer

    def drain(self) -> bytes:
        if not self._open:
            raise ConnectionLost(LOST)
        return b""

    def reopen(self) -> None:
        if self._clock.now() < self._back_at:
            raise ConnectionLost("COM7: cannot be opened")
        self._open = True

    def _answer(self, request: bytes) -> bytes:
        address, count = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if request[1] == 16:
            stored = [int.from_bytes(request[at : at + 2], "big") for at in range(7, 7 + 2 * count, 2)]
            self.words[address : address + count] = stored
            return with_crc(request[:6])
        words = self.words[address : address + count]
        return with_crc([request[0], 3, 2 * count, *b"".join(word.to_bytes(2, "big") for word in words)])


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def adapter(clock: VirtualClock) -> Adapter:
    return Adapter(clock)


@pytest.fixture
def client(adapter: Adapter, clock: VirtualClock) -> PaceModbus:
    """A client that knows which pack it talks to."""
    client = PaceModbus(adapter, PROTOCOL, 1, clock, cells=15)
    assert client.text("pack_sn") == "BALI48-000001"
    return client


def test_a_port_that_is_back_in_time_with_the_same_pack_costs_one_more_try(
    adapter: Adapter, client: PaceModbus, clock: VirtualClock
) -> None:
    adapter.words[SOC] = 55
    adapter.pull(PATIENCE / 2)
    began = clock.now()
    assert client.read(["soc"])["soc"] == 55.0
    assert PATIENCE / 2 < clock.now() - began < PATIENCE
    assert (client.statistics.vanished, client.statistics.repeated) == (1, 1)


def test_a_port_that_stays_away_says_what_to_do_and_is_looked_for_again_by_the_next_question(
    adapter: Adapter, client: PaceModbus, clock: VirtualClock
) -> None:
    adapter.pull(2 * PATIENCE)
    began = clock.now()
    with pytest.raises(ConnectionLost, match=f"{LOST}; it did not come back within 3 s: plug its adapter in"):
        client.read(["soc"])
    assert clock.now() - began == pytest.approx(PATIENCE, abs=0.2)
    assert client.read(["soc"])["soc"] == 0.0


def test_another_pack_on_the_port_that_came_back_is_neither_read_nor_written(
    adapter: Adapter, client: PaceModbus
) -> None:
    adapter.pull(0.5)
    adapter.number("BALI48-000002")
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="pack_sn is `BALI48-000002`, and was `BALI48-000001`"):
            client.write({"cell_overvoltage.trip": 3.65})
    assert 16 not in adapter.functions
    adapter.number("BALI48-000001")
    client.write({"cell_overvoltage.trip": 3.65})


def test_a_pack_whose_number_was_not_read_before_cannot_be_told_from_another(
    adapter: Adapter, clock: VirtualClock
) -> None:
    client = PaceModbus(adapter, PROTOCOL, 1, clock, cells=15)
    client.read(["soc"])
    adapter.pull(0.5)
    with pytest.raises(ConnectionLost, match="no serial number of it was read before"):
        client.read(["soc"])


def test_a_port_that_was_never_there_is_not_waited_for(adapter: Adapter, clock: VirtualClock) -> None:
    client = PaceModbus(adapter, PROTOCOL, 1, clock, cells=15)
    adapter.pull(0.5)
    with pytest.raises(ConnectionLost, match=f"^{LOST}$"):
        client.read(["soc"])
    assert clock.now() == 0.0


def test_a_write_whose_answer_was_lost_with_the_port_is_read_back_and_not_sent_again(
    adapter: Adapter, client: PaceModbus
) -> None:
    adapter.losing_answer = True
    client.write({"cell_overvoltage.trip": 3.65})
    assert adapter.functions.count(16) == 1


def test_a_number_that_was_written_is_the_one_that_proves_the_pack(adapter: Adapter, client: PaceModbus) -> None:
    client.write_text("pack_sn", "BALI48-000009")
    adapter.pull(0.5)
    assert client.read(["soc"])["soc"] == 0.0
