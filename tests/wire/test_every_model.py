"""Every model runs end to end without keys: its example goes in, and out come files that are what was asked."""

import pytest

from tests.wire.market import MODELS, Market
from tests.wire.oracle import check_files, check_record


def test_the_catalogue_is_whole() -> None:
    assert len(MODELS) == 150


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("model", sorted(MODELS))
async def test_example_gives_what_the_catalogue_promises(market: Market, model: str) -> None:
    outcome = await market.run(model)
    check_record(outcome)
    check_files(outcome)
