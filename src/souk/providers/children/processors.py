"""How many processors this process may use, which in a container is seldom all that the machine has."""

import contextlib
import math
import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def processors(groups: Path = GROUPS, own_group: Path = OWN_GROUP) -> int:
    """At least one: those it may run on, or as many whole ones as its container's share of time is worth.

    The share is ``cpu.max`` of the process' control group (version 2) and of those around it, as far as they are seen.
    """
    allowed = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):
        for line in own_group.read_text().splitlines():
            if line.startswith("0::/"):
                inner = groups / line.removeprefix("0::/")
                around = [group for group in (inner, *inner.parents) if group.is_relative_to(groups)]
                allowed = min(allowed, *(_share(group / "cpu.max", allowed) for group in around))
    return max(1, allowed)


def _share(file: Path, unlimited: int) -> int:
    """What the file allows: a quota and a period in microseconds, ``max`` for no quota."""
    try:
        quota, period = file.read_text().split()
        return unlimited if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return unlimited
