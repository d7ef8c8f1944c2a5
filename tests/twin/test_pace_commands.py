"""The rest of PACE ASCII on the simulated BMS: switches, FETs, history, calibration, inverter protocols.

Frames marked `recorded` were exchanged between PbmsTools 2.4 and a real board.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from twin.rig import Rig, protocol

from station.codecs.pace_ascii import Frame, Rtn, parse
from station.codecs.pace_commands import Commands, commands
from station.codecs.pace_history import POWER_ON, HistoryEntry, history, history_request
from station.model.library import Library
from station.twin.ascii_board import AsciiBoard
from station.twin.pace_ascii import PaceAsciiServer

COMMANDS: Commands = commands(Library.default().open("protocol", "pace-ascii"), protocol())


class Board:
    """A running pack, and a client that sends whole frames."""

    def __init__(self) -> None:
        self.rig = Rig().started()
        self.rig.bms.address = 0
        self.board = AsciiBoard(self.rig.bms, protocol(), COMMANDS)
        self.server = PaceAsciiServer(self.board, COMMANDS)

    def ask(self, request: bytes) -> bytes | None:
        self.server.received(request, self.rig.now)
        return self.server.reply(self.rig.now)

    def told(self, name: str, info: bytes = b"", rtn: Rtn = Rtn.OK) -> bytes:
        answer = self.ask(Frame(0, COMMANDS.commands[name], info).wire())
        assert answer is not None
        assert parse(answer).code == rtn, Rtn(parse(answer).code)
        return parse(answer).info

    def control(self, name: str) -> frozenset[str]:
        self.told("control", bytes((COMMANDS.control[name],)))
        return COMMANDS.names_of("control", self.board.control.state())

    def word(self, name: str, value: int, rtn: Rtn = Rtn.OK) -> None:
        assert self.told(name, value.to_bytes(2, "big"), rtn) == b""


@pytest.fixture
def board() -> Board:
    return Board()


# --- switches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"~25004699E0020DFD12\r", b"~25004600C0040D01FCC3\r"),  # buzzer on
        (b"~25004699E0020CFD13\r", b"~25004600C0040C00FCC5\r"),  # buzzer off
    ],
)
def test_a_switch_is_answered_with_itself_and_the_control_state_as_recorded(
    board: Board, request_: bytes, answer: bytes
) -> None:
    assert board.ask(request_) == answer


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("buzzer_on", "buzzer"),
        ("led_alarm_off", "led_alarm_off"),
        ("limiter_off", "limiter_off"),
        ("low_gear_on", "low_gear"),
        ("lock_on", "lock"),
    ],
)
def test_each_switch_goes_both_ways_and_shows_in_the_control_state(board: Board, name: str, shows: str) -> None:
    what, _, word = name.rpartition("_")
    assert shows in board.control(name)
    assert shows not in board.control(f"{what}_{'off' if word == 'on' else 'on'}")


def test_switches_act_on_the_board(board: Board) -> None:
    bms = board.rig.bms
    acts: dict[str, Callable[[], bool]] = {
        "buzzer": lambda: bms.buzzer.enabled,
        "low_gear": lambda: bms.limiter.low_gear,
        "limiter": lambda: bms.limiter.enabled,
        "led_alarm": lambda: bms.lamps.enabled,
        "balancing": lambda: bms.balancing.resting,
    }
    for name, is_on in acts.items():
        board.control(f"{name}_off")
        assert not is_on()
        board.control(f"{name}_on")
        assert is_on()


def test_some_firmware_has_limiter_and_lamps_the_other_way_round(board: Board) -> None:
    board.board.control.reversed = True
    assert board.control("limiter_on") == {"limiter_off"}
    assert board.control("led_alarm_on") == {"limiter_off", "led_alarm_off"}
    assert board.control("buzzer_on") == {"limiter_off", "led_alarm_off", "buzzer"}
    assert board.control("limiter_off") == {"led_alarm_off", "buzzer"}


def test_some_firmware_answers_a_switch_with_nothing(board: Board) -> None:
    board.board.control.says_state = False
    assert board.told("control", bytes((COMMANDS.control["buzzer_on"],))) == b""


def test_what_this_board_cannot_switch_fails(board: Board) -> None:
    for name in ("can_pace", "can_sofar"):
        board.told("control", bytes((COMMANDS.control[name],)), Rtn.FAILED)
    board.told("control", b"\xd0", Rtn.INVALID)


# --- FETs and power ---------------------------------------------------------------------------------------------------


def test_a_fet_is_switched_off_and_given_back_to_the_protections(board: Board) -> None:
    assert COMMANDS.names_of("instruction", board.told("charge_fet", b"\x01")[0]) == {"discharge_fet"}
    board.rig.wait(1.0)
    assert not board.rig.bms.charge_fet.conducts
    assert "charge_fet_off" in COMMANDS.names_of("control", board.board.control.state())
    board.told("charge_fet", b"\x00")
    board.rig.wait(0.2)
    assert board.rig.bms.charge_fet.conducts


def test_both_fets_are_never_off_and_the_refusal_shows_the_state_as_recorded(board: Board) -> None:
    assert board.ask(b"~2500469AE00201FD1D\r") == b"~25004600E00204FD34\r"
    assert board.ask(b"~2500469BE00201FD1C\r") == b"~25004609E00204FD2B\r"  # recorded
    assert board.rig.bms.discharge_fet.enabled


@pytest.mark.parametrize(("name", "amperes"), [("charge_fet", -20.0), ("discharge_fet", 15.0)])
def test_a_fet_is_not_switched_off_while_current_flows_the_other_way(board: Board, name: str, amperes: float) -> None:
    board.rig.discharge(max(-amperes, 0.0))
    board.rig.charge(max(amperes, 0.0))
    board.rig.wait(1.0)
    board.told(name, b"\x01", Rtn.FAILED)
    board.told(name, b"\x00")


@pytest.mark.parametrize("request_", [b"~2500469CE00201FD1B\r", Frame(0, 0x9C).wire()])
def test_a_shutdown_is_answered_and_done(board: Board, request_: bytes) -> None:
    assert board.ask(request_) == b"~250046000000FDAF\r"  # recorded
    board.rig.wait(0.5)
    assert board.rig.bms.power.mode == "asleep"
    assert board.ask(request_) is None


def test_the_test_mode_bleeds_every_cell_and_lifts_the_limit(board: Board) -> None:
    board.told("test_mode", b"\x01")
    assert COMMANDS.names_of("control", board.board.control.state()) == {"test_mode", "limiter_off"}
    assert (board.rig.bms.bleed > 0).all()
    for info, rtn in ((b"", Rtn.FORMAT), (b"\x50\x01", Rtn.FAILED)):
        board.told("test_mode", info, rtn)


# --- history ----------------------------------------------------------------------------------------------------------


def entry(board: Board, number: int) -> HistoryEntry:
    found = history(board.told("history", history_request(number)))
    assert found is not None
    return found


def test_the_history_has_the_newest_first_and_ends_with_an_empty_answer(board: Board) -> None:
    board.rig.bms.history.clear()
    board.rig.bms.clock.set(datetime(2026, 11, 23, 20, 30), board.rig.now)
    board.rig.set(cell_overvoltage__alarm=3.3, cell_overvoltage__release=3.2, cell_overvoltage__trip=3.31)
    board.rig.wait(3.0)
    assert len(board.rig.bms.history) == 2
    newest, first = entry(board, 0), entry(board, 1)
    assert first.time <= newest.time <= datetime(2026, 11, 23, 20, 30, 3)
    assert (first.warning & 1, first.protection & 1) == (1, 0)
    assert (newest.warning & 1, newest.protection & 1) == (1, 1)
    assert len(newest.cells) == 15
    assert newest.voltage == pytest.approx(sum(newest.cells), abs=0.2)
    assert COMMANDS.names_of("instruction", first.instruction) == {"charge_fet", "discharge_fet"}
    assert board.told("history", history_request(2)) == b""


def test_a_start_is_in_the_history(board: Board) -> None:
    assert entry(board, len(board.rig.bms.history) - 1).happened == POWER_ON


def test_the_history_can_be_cleared(board: Board) -> None:
    assert len(board.rig.bms.history) > 0
    board.told("clear_history")
    assert board.ask(b"~250046A1C004018FFCA7\r") == b"~250046000000FDAF\r"  # recorded: no more records


# --- settings and calibration -----------------------------------------------------------------------------------------


def test_parameters_go_back_to_what_the_board_was_delivered_with(board: Board) -> None:
    before = dict(board.rig.bms.memory.words)
    board.rig.bms.memory["pack_sn"] = "BALI48-000777"
    board.rig.set(cell_overvoltage__trip=3.65, soc_low__alarm=10)
    board.told("restore_defaults")
    assert board.rig.bms.memory["pack_sn"] == "BALI48-000777"
    board.rig.bms.memory["pack_sn"] = "BALI48-000001"
    assert board.rig.bms.memory.words == before


def test_the_limiter_has_a_current_from_which_it_comes_in(board: Board) -> None:
    board.word("write_limiter_start", 100)
    assert board.told("limiter_start") == bytes.fromhex("0064")  # recorded
    assert board.rig.bms.limiter.start == 100.0
    for value in (0, 301):
        board.word("write_limiter_start", value, Rtn.INVALID)


def test_settings_that_no_register_holds(board: Board) -> None:
    bms = board.rig.bms
    assert board.told("release_soc", b"\x5a") == b""
    assert bms.recharge.soc == 90.0
    board.word("cycles", 0x1234)
    assert bms.gauge.cycles == 0x1234
    assert board.told("cell_count", b"\x10") == b""
    assert bms.cells == 16
    for name, info in (("release_soc", b"\x49"), ("release_soc", b"\x62"), ("cell_count", b"\x0c")):
        board.told(name, info, Rtn.INVALID)
    for name in ("release_soc", "cell_count", "cycles", "calibrate_zero", "write_inverter"):
        board.told(name, b"", Rtn.FORMAT)


def test_the_ammeter_is_calibrated_at_zero_and_at_a_known_current(board: Board) -> None:
    rig = board.rig
    rig.bms.adc.current_offset, rig.bms.adc.current_gain, rig.bms.adc.current_noise = 2.0, 0.9, 0.0
    rig.wait(0.3)
    board.word("calibrate_zero", 1234, Rtn.INVALID)
    board.word("calibrate_zero", 4321)
    rig.wait(0.3)
    assert rig.value("current") == pytest.approx(0.0, abs=0.02)
    board.word("calibrate_charge", 500, Rtn.FAILED)
    rig.discharge(5.0)
    rig.wait(0.5)
    assert rig.value("current") == pytest.approx(-4.5, abs=0.05)
    board.word("calibrate_discharge", 601, Rtn.INVALID)
    board.word("calibrate_discharge", 500)
    rig.wait(0.3)
    assert rig.value("current") == pytest.approx(-5.0, abs=0.05)
    board.word("calibrate_discharge", 0)
    assert rig.bms.adc.current_gain == 1.0


def test_the_voltmeter_is_calibrated_at_a_known_voltage(board: Board) -> None:
    board.rig.bms.adc.pack_voltage_gain = 0.98
    board.rig.bms.adc.pack_voltage_noise = 0.0
    board.rig.wait(0.3)
    board.word("calibrate_voltage", 50_500)
    board.rig.wait(0.3)
    assert board.rig.value("pack_voltage") == pytest.approx(50.5, abs=0.02)
    board.word("calibrate_voltage", 10_000, Rtn.INVALID)
    board.word("calibrate_reference", 3300)


def test_the_inverter_protocol_is_chosen_by_number(board: Board) -> None:
    assert board.told("inverter_selection") == bytes((0, 0, 1))
    board.told("write_inverter_selection", bytes((1, 0xFF, 0)))
    assert board.told("inverter_selection") == bytes((1, 0, 0))
    board.told("write_inverter", bytes((0xFF, 0x0D)))
    assert board.told("inverter") == bytes((1, 0x0D))
    board.told("write_inverter", bytes((1, 0x55)), Rtn.INVALID)
    board.told("write_inverter_selection", bytes.fromhex("131400"))  # recorded of the maker's tool
    assert board.told("inverter_selection") == bytes.fromhex("131400")
    board.told("write_inverter_selection", bytes((1, 0x0D, 0xFF)))
    assert board.told("inverter") == bytes((1, 0x0D))
    assert board.told("inverter_lists") == bytes((23, *range(23), 25, *range(25)))
    assert board.told("inverter_names", bytes((0, 1, 1, 0))) == b"\x01\x00PACE_MODBUS\x00"
    assert board.told("inverter_names", bytes((0, 0, 2, 1, 0x13))) == b"\x02\x01PYLON_CAN\x00\x13AFORE\x00"
    board.told("inverter_names", bytes((0, 1, 1, 0x55)), Rtn.NO_DATA)


def test_raw_memory_stays_locked(board: Board) -> None:
    board.told("read_raw", bytes(7), Rtn.FAILED)
    board.told("write_raw", bytes(8), Rtn.FAILED)


def test_the_board_says_what_it_is_inside(board: Board) -> None:
    assert board.told("internal_version") == b"P15S100A-V1.4".ljust(30) + b"V1.0".ljust(10)


def test_a_date_that_no_frame_can_carry_is_the_last_one_that_it_can(board: Board) -> None:
    board.rig.bms.clock.set(datetime(2255, 12, 31, 23, 59, 59), board.rig.now - 10)
    assert board.told("clock") == bytes((255, 12, 31, 23, 59, 59))
