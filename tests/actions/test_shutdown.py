"""What is shifted goes back before the pack is switched off: afterwards it takes nothing."""

from __future__ import annotations

from pathlib import Path

from actions.short_runs import short_run

LEFT = "  - {step: leave, parameters: {leave: cell_sleep_delay}}\n  - use: eol/shutdown\n"


def test_a_parameter_that_was_left_changed_is_back_before_the_shutdown(tmp_path: Path) -> None:
    ran = short_run(tmp_path, LEFT)
    assert (ran.record.verdict, ran.record.reason) == ("PASS", "")
    assert ran.measurement("shutdown/restored").value == "restored"
    assert ran.twin.bms.memory["cell_sleep_delay"] == 300.0
