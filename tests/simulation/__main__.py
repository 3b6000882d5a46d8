"""``python -m tests.simulation``: explore seeds, or live one again and read what happened.

Every seed is a simulation of its own, so the same seed gives the same trace, in this process or another.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.simulation import Outcome

LIVES = 100
TAIL = 60
"""Lines of the trace that are shown of a failing seed."""


def main() -> int:
    """Explore; 1 if a seed failed."""
    asked = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    asked.add_argument("--seeds", type=int, default=100, help="how many seeds (%(default)s)")
    asked.add_argument("--start", type=int, default=0, help="the first seed (%(default)s)")
    asked.add_argument("--lives", type=int, default=LIVES, help="tasks of each seed (%(default)s)")
    asked.add_argument(
        "--jobs", type=int, default=1, help="processes that explore side by side (%(default)s)"
    )
    asked.add_argument("--seed", type=int, help="live this one seed and show its whole trace")
    given = asked.parse_args()
    if given.seed is not None:
        return _show(given.seed, given.lives)
    return _explore(range(given.start, given.start + given.seeds), given.lives, given.jobs)


def _show(seed: int, lives: int) -> int:
    from tests.simulation.simulation import simulate

    outcome = simulate(seed, lives)
    print("\n".join(outcome.trace))
    print(f"seed {seed}, {lives} lives, trace {outcome.mark}: {outcome.faults} faults, ends {outcome.ends}")
    print("\n".join(outcome.problems) or "all promises kept")
    return bool(outcome.problems)


def _explore(seeds: range, lives: int, jobs: int) -> int:
    began, faults, failed = time.perf_counter(), 0, 0
    ends: Counter[str] = Counter()
    for done, outcome in enumerate(_outcomes(seeds, lives, jobs), 1):
        faults += outcome.faults
        ends.update(outcome.ends)
        if outcome.problems:
            failed += 1
            print(f"seed {outcome.seed} failed, trace {outcome.mark}:")
            print("\n".join(f"  {problem}" for problem in outcome.problems[:10]))
            print("\n".join(f"    {line}" for line in outcome.about_problems()[-TAIL:]))
            print(f"  again: python -m tests.simulation --seed {outcome.seed} --lives {lives}", flush=True)
        if done % 100 == 0 or done == len(seeds):
            took = time.perf_counter() - began
            print(
                f"{done} seeds, {done * lives} lives, {faults} faults, {failed} failed; "
                f"{done * lives / took:.0f} lives/s",
                flush=True,
            )
    print("ends: " + ", ".join(f"{end} {count}" for end, count in ends.most_common()))
    return bool(failed)


def _outcomes(seeds: range, lives: int, jobs: int) -> "Iterator[Outcome]":
    from tests.simulation.simulation import simulate

    if jobs == 1:
        yield from map(partial(simulate, lives=lives), seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(partial(simulate, lives=lives), seeds, chunksize=4)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets of texts follows from it, and with that order everything else.
        os.execve(  # noqa: S606 - this program once more
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
