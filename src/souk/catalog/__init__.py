"""The catalogue: every model as data, with its input, output, price and routes. Asked at every create."""

from souk.catalog.catalog import Catalog
from souk.catalog.check import CheckedInput
from souk.catalog.describe import describe, listing
from souk.catalog.load import CatalogError, load_catalog
from souk.catalog.media import MediaRule, field_of
from souk.catalog.model import Model, Route
from souk.catalog.output import OutputSpec
from souk.catalog.quote import Delivered, Quote, capture_from
from souk.catalog.refusal import InputRefused

__all__ = [
    "Catalog",
    "CatalogError",
    "CheckedInput",
    "Delivered",
    "InputRefused",
    "MediaRule",
    "Model",
    "OutputSpec",
    "Quote",
    "Route",
    "capture_from",
    "describe",
    "field_of",
    "listing",
    "load_catalog",
]
