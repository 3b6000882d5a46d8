"""Between the upstream's last word and the task's end: a verdict is written where its files take their time."""

from tests.engine.running import Running
from tests.upstreams.kie import FakeKie


async def test_a_verdict_is_written_while_its_file_is_still_coming(souk: Running, upstream: FakeKie) -> None:
    task = await souk.create("[up:file-slow=1.5]")
    await souk.reached(task, "storing")
    assert (await souk.ended(task)).inner_state == "success"
    assert list(upstream.fetches.values()) == [1]


async def test_a_file_that_no_fetch_brings_is_not_fetched_twice(souk: Running, upstream: FakeKie) -> None:
    task = await souk.create("[up:file-private]")
    assert (await souk.ended(task)).inner_state == "fail"
    assert list(upstream.fetches.values()) == [1]
    assert (await souk.story(task)).ledger[-1].kind == "release"
