"""The route table of a process: every path it answers, put together once at start."""

from collections.abc import Sequence

from starlette.routing import Route

from souk.api.asgi import Application
from souk.api.chat import ChatRoutes
from souk.api.chat_models import ChatModelRoutes
from souk.api.dedicated import DedicatedRoutes
from souk.api.jobs import JobRoutes
from souk.api.market import MarketRoutes
from souk.api.site import HotRoutes, Site
from souk.api.suno import SunoRoutes
from souk.api.suno_tools import SunoToolRoutes


def application(
    site: Site,
    more: Sequence[Route] = (),
    chat: ChatRoutes | None = None,
) -> Application:
    """The ASGI application. ``more`` joins the table."""
    jobs, dedicated = JobRoutes(site), DedicatedRoutes(site)
    routes = [
        *jobs.routes,
        *dedicated.routes,
        *MarketRoutes(site).routes,
        *ChatModelRoutes(site).routes,
        *more,
    ]
    suno: HotRoutes = {**SunoRoutes(site).hot, **SunoToolRoutes(site).hot}
    return Application(site, {**jobs.hot, **dedicated.hot, **suno}, routes, chat)
