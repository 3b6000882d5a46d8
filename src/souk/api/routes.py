"""The route table of a process: every path it answers, put together once at start."""

from collections.abc import Mapping, Sequence

from starlette.routing import Route

from souk.api.asgi import Application
from souk.api.chat import ChatRoutes
from souk.api.chat_models import ChatModelRoutes
from souk.api.dedicated import DedicatedRoutes
from souk.api.health import Check, HealthRoutes
from souk.api.jobs import JobRoutes
from souk.api.market import MarketRoutes
from souk.api.metrics import MetricsRoute
from souk.api.site import HotRoutes, Site
from souk.api.suno import SunoRoutes
from souk.api.suno_tools import SunoToolRoutes
from souk.api.vitals import Vitals


def application(
    site: Site,
    vitals: Vitals,
    checks: Mapping[str, Check] | None = None,
    more: Sequence[Route] = (),
    chat: ChatRoutes | None = None,
) -> Application:
    """The ASGI application. ``checks`` join those of the store at ``/ready``; ``more`` joins the table."""
    jobs, dedicated = JobRoutes(site), DedicatedRoutes(site)
    health = HealthRoutes({"database": vitals.check_database, "lane": vitals.check_lane, **(checks or {})})
    routes = [
        *jobs.routes,
        *dedicated.routes,
        *MarketRoutes(site).routes,
        *ChatModelRoutes(site).routes,
        *health.routes,
        *MetricsRoute(site.meters, vitals).routes,
        *more,
    ]
    suno: HotRoutes = {**SunoRoutes(site).hot, **SunoToolRoutes(site).hot}
    return Application(site, {**jobs.hot, **dedicated.hot, **suno}, routes, chat)
