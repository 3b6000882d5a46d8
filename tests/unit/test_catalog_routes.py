"""Every model leads somewhere: to a service whose adapter is there, or to an engine of this machine."""

import pytest

from souk.catalog import Model, load_catalog
from souk.engine.routes import LOCAL
from souk.providers.registry import PROVIDERS

MODELS = list(load_catalog().models.values())
LINES = sorted({model.market_line for model in MODELS if model.market_line})
ORIGINAL_LINES = 85
"""Lines of the Market's first list."""


def real(model: Model) -> bool:
    """Whether some route that is not retired leads to what runs tasks."""
    return any(route.usable and (route.provider == LOCAL or runs(route.provider)) for route in model.routes)


def runs(provider: str) -> bool:
    entry = PROVIDERS.get(provider)
    return entry is not None and entry.factory is not None


def test_every_line_of_the_first_market_list_is_there() -> None:
    assert len(LINES) == ORIGINAL_LINES


@pytest.mark.parametrize("line", LINES)
def test_every_market_line_has_a_real_route(line: str) -> None:
    assert all(real(model) for model in MODELS if model.market_line == line)


@pytest.mark.parametrize("dialect", sorted({model.dialect for model in MODELS if model.dialect != "jobs"}))
def test_every_model_of_a_dedicated_api_has_a_real_route(dialect: str) -> None:
    assert [model.id for model in MODELS if model.dialect == dialect and not real(model)] == []
