"""From a composed process to the ASGI application that serves it, or that shows how it does."""

from dataclasses import dataclass

from starlette.routing import Route

from souk.api.asgi import Application
from souk.api.chat import ChatRoutes
from souk.api.credential import Proxies
from souk.api.downloads import DownloadRoutes
from souk.api.files import Files
from souk.api.health import Check, HealthRoutes, Readiness
from souk.api.hooks import HookRoute
from souk.api.metrics import MetricsRoute, Page
from souk.api.pages import Pages
from souk.api.routes import application
from souk.api.site import Site
from souk.api.uploads import UploadRoutes
from souk.api.vitals import Vitals
from souk.assets.signed import SignedLinks
from souk.engine.engine import Engine
from souk.house import House
from souk.measure import ShowPage
from souk.settings import LinkService


@dataclass(frozen=True)
class Lookout:
    """What of a process is shown to whoever watches over it."""

    readiness: Readiness
    page: ShowPage
    """The metrics."""

    @property
    def routes(self) -> list[Route]:
        """``/health``, ``/ready`` and ``/metrics``."""
        return [*HealthRoutes(self.readiness).routes, *MetricsRoute(self.page).routes]


def asgi(house: House, lookout: Lookout | None = None) -> Application:
    """The application that answers every HTTP request of this process."""
    site = Site(
        operations=house.operations,
        dialects=house.dialects,
        meters=house.meters,
        proxies=Proxies(house.settings.trusted_proxies),
        max_body=house.settings.max_body_bytes,
        max_depth=house.settings.max_json_depth,
        proxied=house.seen_through_proxy,
    )
    direct = house.settings.links is LinkService.DIRECT
    files = Files(house.reads, house.storage, house.clock, direct=direct)
    pages = Pages(house.operations, house.dialects, house.public_url)
    uploads = UploadRoutes(site, house.uploads, house.public_url)
    downloads = DownloadRoutes(site, files, SignedLinks(house.box, house.public_url), house.clock)
    hooks = HookRoute(house.hooks)
    more = [
        *(lookout or lookout_of(house)).routes,
        hooks.route(),
        files.route(),
        files.upload_route(),
        *uploads.routes,
        *downloads.routes,
        *pages.routes,
    ]
    return application(site, more, ChatRoutes(site, house.relay))


def lookout_asgi(house: House) -> Application:
    """An application of the lookout alone, for a process that serves nobody."""
    site = Site(operations=house.operations, dialects=house.dialects, meters=house.meters)
    return Application(site, {}, lookout_of(house).routes)


def lookout_of(house: House) -> Lookout:
    """The lookout of this process. To be made once: its page joins the house's meters."""
    vitals = Vitals(house.lane, house.reads, house.clock)
    checks: dict[str, Check] = {"database": vitals.check_database, "lane": vitals.check_lane}
    if house.engine is not None:
        checks["engine"] = engine_check(house.engine)
    readiness = Readiness(checks)
    return Lookout(readiness, Page(house.meters, vitals, readiness, house.clock).text)


def engine_check(engine: Engine) -> Check:
    """What ``/ready`` asks of the engine."""

    async def check() -> None:
        if not engine.alive:
            raise RuntimeError("the engine has stopped; restart this process")

    return check
