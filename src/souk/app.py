"""From a composed process to the ASGI application that serves it."""

from souk.api.asgi import Application
from souk.api.chat import ChatRoutes
from souk.api.credential import Proxies
from souk.api.downloads import DownloadRoutes
from souk.api.files import Files
from souk.api.health import Check
from souk.api.hooks import HookRoute
from souk.api.pages import Pages
from souk.api.routes import application
from souk.api.site import Site
from souk.api.uploads import UploadRoutes
from souk.api.vitals import Vitals
from souk.assets.signed import SignedLinks
from souk.engine.engine import Engine
from souk.house import House
from souk.settings import LinkService


def asgi(house: House) -> Application:
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
    vitals = Vitals(house.lane, house.reads, house.clock)
    direct = house.settings.links is LinkService.DIRECT
    files = Files(house.reads, house.storage, house.clock, direct=direct)
    pages = Pages(house.operations, house.dialects, house.public_url)
    checks = {} if house.engine is None else {"engine": engine_check(house.engine)}
    uploads = UploadRoutes(site, house.uploads, house.public_url)
    downloads = DownloadRoutes(site, files, SignedLinks(house.box.sign, house.public_url), house.clock)
    hooks = HookRoute(house.hooks)
    more = [
        hooks.route(),
        files.route(),
        files.upload_route(),
        *uploads.routes,
        *downloads.routes,
        *pages.routes,
    ]
    return application(site, vitals, checks, more, ChatRoutes(site, house.relay))


def engine_check(engine: Engine) -> Check:
    """What ``/ready`` asks of the engine."""

    async def check() -> None:
        if not engine.alive:
            raise RuntimeError("the engine has stopped; restart this process")

    return check
