"""The page at ``/docs`` works in a real browser: it lists, creates, waits, and shows the picture."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.wire.market import Market
from tests.wire.page import Page, opened
from tests.wire.serving import NO_TASK, Souk

NARROW = 360
WIDE_PLACES = """(async () => {
  const wide = [];
  const models = [...document.querySelectorAll(".models a")].map((link) => link.hash);
  for (const place of ["#/", "#/api", ...models]) {
    location.hash = place;
    await new Promise((resolve) => setTimeout(resolve));
    for (const each of document.querySelectorAll("details")) each.open = true;
    await new Promise((resolve) => setTimeout(resolve));
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) wide.push(place);
  }
  return {wide, seen: models.length};
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(market: Market, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """The page as someone with a key opens it."""
    async with opened(tmp_path_factory.mktemp("browser")) as page:
        await page.open(f"{market.client.url}/docs")
        await page.until("document.querySelectorAll('.models li').length")
        await page.run(
            f"(field => {{ field.value = '{market.client.key}'; field.dispatchEvent(new Event('input')); }})"
            "(document.getElementById('key'))"
        )
        yield page


@pytest.mark.asyncio(loop_scope="session")
async def test_a_picture_is_made_through_the_page(page: Page) -> None:
    await page.run("location.hash = '#/model/z-image'")
    await page.until("!!document.getElementById('create')")
    await page.run("document.getElementById('field-aspect_ratio').selectedIndex = 0")
    await page.run("document.getElementById('create').click()")
    width = await page.until("document.querySelector('figure img')?.naturalWidth")
    assert width >= 512
    assert await page.run("document.querySelector('.state').dataset.state") == "success"
    assert await page.run("Object.values(localStorage).length + document.cookie.length") == 0
    assert page.said == []


@pytest.mark.asyncio(loop_scope="session")
async def test_a_refusal_is_told_at_the_field_it_names(page: Page) -> None:
    await page.run("location.hash = '#/model/z-image'")
    await page.until("!!document.getElementById('create')")
    await page.run("document.getElementById('field-prompt').value = ''")
    await page.run("document.getElementById('create').click()")
    told = await page.until("document.getElementById('field-prompt-wrong').textContent")
    assert "required" in told
    assert await page.run("document.activeElement.id") == "field-prompt"


@pytest.mark.asyncio(loop_scope="session")
async def test_no_page_of_it_is_wider_than_a_small_phone(page: Page) -> None:
    await page.size(NARROW, 740)
    await page.run("location.hash = '#/'")
    await page.until("!!document.querySelector('.models li')")
    found = await page.run(WIDE_PLACES)
    assert found["seen"] > 100
    assert found["wide"] == []
    assert page.said == []


@pytest.mark.asyncio(loop_scope="session")
async def test_a_search_leaves_the_models_that_fit(page: Page) -> None:
    await page.run("location.hash = '#/'")
    await page.until("!!document.querySelector('.models li')")
    await page.run(
        "(field => { field.value = 'banana google'; field.dispatchEvent(new Event('input')); })"
        "(document.getElementById('search'))"
    )
    found = await page.run("[...document.querySelectorAll('.models a')].map(link => link.hash)")
    assert "#/model/nano-banana-pro" in found
    assert all("banana" in link for link in found)


async def test_the_page_loads_nothing_from_elsewhere(souk: Souk) -> None:
    page = await souk.client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    parts = re.findall(r'(?:src|href)="([^"#]+)"', page.raw.decode())
    assert parts
    for part in parts:
        assert (await souk.client.get(f"/{part}")).status == 200


async def test_a_part_that_is_not_there_is_not_found(souk: Souk) -> None:
    assert (await souk.client.get(f"/docs/{NO_TASK}.js")).status == 404
    assert (await souk.client.get("/docs/..%2Fpages.py")).status == 404
