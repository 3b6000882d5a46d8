"""From a composed process to the ASGI application that serves it."""

from souk.api.asgi import Application
from souk.api.credential import Proxies
from souk.api.files import Files
from souk.api.routes import application
from souk.api.site import Site
from souk.api.vitals import Vitals
from souk.house import House


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
    files = Files(house.reads, house.storage, house.clock)
    return application(site, vitals, more=[files.route()])
