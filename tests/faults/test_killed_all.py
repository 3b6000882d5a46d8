"""Everything is killed at once with tasks upstream: each ends soon after its upstream does, and none is sent twice."""

from pathlib import Path

from tests.faults.killed_all import Plan, kill_all

BUSY_MACHINE = 30.0
"""Seconds a task may be late here. Whoever waited for the leases of the dead would be late by a minute."""


async def test_tasks_go_on_after_everything_was_killed_amid_their_submits(
    tmp_path: Path, database_url: str
) -> None:
    plan = Plan(tasks=100, caught=6, accepted=0.8, seconds=3)
    outcome = await kill_all(tmp_path, database_url, plan, limit=BUSY_MACHINE)
    assert outcome.broken == []
    assert len(outcome.at_kill["submitting"]) >= plan.caught
    over = outcome.at_kill.get("success", set())
    assert len(over) + len(outcome.late) + len(outcome.unclear) == plan.tasks + plan.caught
    assert outcome.late, "the kill came when all was over, which proves nothing"
