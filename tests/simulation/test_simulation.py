"""A thousand task lives under simulated faults, and the promises of the simulator itself; a command lives more."""

import subprocess
import sys

import pytest

from tests.simulation.simulation import simulate

BATCH = 4
"""Seeds of one test."""
LIVES = 60


@pytest.mark.parametrize("first", range(0, 24, BATCH))
def test_all_promises_are_kept_whatever_fails(first: int) -> None:
    for seed in range(first, first + BATCH):
        outcome = simulate(seed, LIVES)
        assert not outcome.problems, "\n".join(
            [
                f"python -m tests.simulation --seed {seed} --lives {LIVES}",
                *outcome.problems,
                *outcome.about_problems()[-40:],
            ]
        )


def test_a_simulation_kills_and_tries_what_it_says_it_does() -> None:
    outcomes = [simulate(seed, 30) for seed in range(4)]
    trace = "\n".join(line for outcome in outcomes for line in outcome.trace)
    for fault in (
        "kills",
        "stalls",
        "retires",
        "starts",
        "cuts",
        "turns",
        "sets the clock",
        "takes the database",
    ):
        assert f"fate {fault}" in trace, fault
    ends = {end for outcome in outcomes for end in outcome.ends}
    assert {"success", "moderation", "unclear"} <= ends


def test_the_same_seed_gives_the_same_trace() -> None:
    first, again, other = simulate(7, 30), simulate(7, 30), simulate(8, 30)
    assert first.trace == again.trace
    assert first.mark == again.mark != other.mark


def test_a_seed_is_lived_again_by_the_command() -> None:
    lived = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", "7", "--lives", "30"],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert lived.returncode == 0, lived.stderr
    assert f"trace {simulate(7, 30).mark}" in lived.stdout
    assert lived.stdout.endswith("all promises kept\n")
