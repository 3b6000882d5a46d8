"""How often a process that serves or runs tasks looks for cycles of objects nobody holds any more."""

import gc

YOUNG = 50_000
"""New objects between two looks. With Python's 700, a process with thousands of tasks in memory spent a seventh of its
time looking through them, and found next to nothing: what a task leaves behind is freed as it goes."""
MIDDLE = 20
OLD = 50


def look_seldom() -> None:
    """Leave what start-up made out of all looks, and look seldom. Call it once everything is in place."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
