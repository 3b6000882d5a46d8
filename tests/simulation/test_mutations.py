"""Engines that break a promise on purpose: the simulator finds each of them, so its silence means something."""

from collections.abc import Awaitable, Callable

import pytest

from souk.callbacks.delivery import Deliverer
from souk.engine import life, reviewing
from souk.engine.lease import Lease
from souk.engine.upstream import Upstream
from souk.store import endings, nodes, tasks
from souk.store.lane import Lane
from souk.store.statement import Statement
from tests.simulation.simulation import simulate

SEEDS = 60
"""As many as it may take; most are found by the first or second."""
LIVES = 40
GAP = 2.0
"""Seconds between faults: more of them than anywhere else."""
Mutation = Callable[[pytest.MonkeyPatch], None]


def without(module: object, name: str, *words: str) -> Mutation:
    """A statement that has lost some of its words."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        text = getattr(module, name).text
        for part in words:
            assert part in text
            text = text.replace(part, "")
        patch.setattr(module, name, Statement(text))

    return mutate


def steps_need_no_lease(patch: pytest.MonkeyPatch) -> None:
    without(tasks, "_ADVANCE", "AND lease_owner = moves.owner AND epoch = moves.term")(patch)


def ends_need_no_lease(patch: pytest.MonkeyPatch) -> None:
    without(endings, "_END", "AND lease_owner IS NOT DISTINCT FROM ends.owner AND epoch = ends.term")(patch)


def ends_may_come_twice(patch: pytest.MonkeyPatch) -> None:
    ends_need_no_lease(patch)
    without(endings, "_END", "AND completed_at IS NULL")(patch)


def captures_are_not_cut(patch: pytest.MonkeyPatch) -> None:
    text = endings._END.text.replace(
        "captured = CASE WHEN ends.to_captured > hold THEN hold ELSE ends.to_captured END",
        "captured = hold + 1",
    )
    patch.setattr(endings, "_END", Statement(text))


def dead_nodes_may_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nodes, "entered", lambda *_: True)


def unclear_submits_are_repeated(patch: pytest.MonkeyPatch) -> None:
    async def give_up(upstream: Upstream, route: object) -> None:
        await upstream.refused(upstream.lease.current_attempt(), reviewing._ONCE_MORE, "unclear")

    patch.setattr(reviewing, "_give_up", give_up)


def lost_commits_are_repeated(patch: pytest.MonkeyPatch) -> None:
    def forget(lane: Lane) -> bool:
        lane._reconnect()
        return False

    patch.setattr(Lane, "_reconnect_and_check", forget)


def unheard_callbacks_count_as_heard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deliverer, "_verdict", lambda *_: ("delivered", None))


def slots_are_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Upstream, "release_slot", lambda _: None)


def tasks_are_set_aside_once(patch: pytest.MonkeyPatch) -> None:
    async def once(lease: Lease, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - as it was when this was found
            lease.log("task could not be set aside", error=error)

    patch.setattr(life, "_until_done", once)


MUTATIONS: list[Mutation] = [
    steps_need_no_lease,
    ends_need_no_lease,
    ends_may_come_twice,
    captures_are_not_cut,
    dead_nodes_may_claim,
    unclear_submits_are_repeated,
    lost_commits_are_repeated,
    unheard_callbacks_count_as_heard,
    slots_are_kept,
    tasks_are_set_aside_once,
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_broken_promise_is_found(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    assert any(simulate(seed, LIVES, gap=GAP).problems for seed in range(SEEDS))
