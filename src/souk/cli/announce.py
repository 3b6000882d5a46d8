"""What a service prints once it works. ``souk serve``: where it is, how to get in, what is live, a first request.

Where the log is JSON it is one line of the same kind: whoever collects both streams reads them as one.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from souk import __version__
from souk.cli.show import out
from souk.settings import LogFormat, SandboxPolicy

if TYPE_CHECKING:
    from souk.catalog import Model
    from souk.house import House

PROMPT = "A lighthouse at dawn, watercolour"
GREETING = "Say hello in one sentence."
NAME_WIDTH = 11


def announce(house: "House", listening: str) -> None:
    """Print it, on stdout. ``listening`` is where this machine reaches it, which a public URL does not tell."""
    if house.settings.log_format is LogFormat.JSON:
        fields = {"url": house.public_url, "listens_at": listening, "engine": house.settings.engine}
        if made := house.first.made_api_key:
            fields["api_key"] = made
        _tell_programs(house, "serve", "serving", fields)
    else:
        _tell_people(house, listening)
    sys.stdout.flush()


def announce_engine(house: "House", watched_at: str) -> None:
    """What ``souk engine`` prints. ``watched_at`` is where its metrics are, or empty."""
    if house.settings.log_format is LogFormat.JSON:
        _tell_programs(house, "engine", "running", {"watched_at": watched_at} if watched_at else {})
    else:
        live = ", ".join(item.connection.name for item in house.configured) or "the sandbox"
        out(f"Souk runs tasks on {live}")
        if watched_at:
            out(f"  {'metrics'.ljust(NAME_WIDTH)}{watched_at}/metrics")
    sys.stdout.flush()  # a journal would get it when the process ends


def _tell_programs(house: "House", room: str, event: str, fields: Mapping[str, Any]) -> None:
    """Not sent through the log, which would blot out the key and may be set to tell only of warnings."""
    from souk.logs import json_line

    told = {
        "version": __version__,
        "data": house.database.place,
        "live": [item.connection.name for item in house.configured],
        "sandbox": house.settings.sandbox,
        **fields,
    }
    out(json_line(house.clock.now() / 1000, "INFO", room, event, told))


def _tell_people(house: "House", listening: str) -> None:
    out(f"Souk {__version__} is at {house.public_url}")
    for name, text in (
        *((("listens at", listening),) if listening != house.public_url else ()),
        ("data", house.database.place),
        ("API key", _key(house)),
        *(("live", f"{item.connection.name}, from {item.source}") for item in house.configured),
        ("local", "pictures, sounds and clips are resized and converted on this machine, without a key"),
        ("sandbox", _sandbox(house)),
    ):
        out(f"  {name.ljust(NAME_WIDTH)}{text}")
    if not house.settings.engine:
        out(f"  {'engine'.ljust(NAME_WIDTH)}{_no_engine(house)}")
    if request := _first_request(house):
        out(f"\nTry it:\n{request}\n")


def _no_engine(house: "House") -> str:
    if house.settings.sqlite:
        return "off (SOUK_ENGINE), and on SQLite no other process can run the tasks: they wait"
    return "not in this process: `souk engine` runs the tasks"


def _key(house: "House") -> str:
    if made := house.first.made_api_key:
        return f"{made}   (made now and not shown again)"
    if house.settings.api_key.get_secret_value():
        return "the one in SOUK_API_KEY"
    return "made at the first start; `souk keys create` makes another"


def _sandbox(house: "House") -> str:
    policy, live = house.settings.sandbox, bool(house.configured)
    if policy is SandboxPolicy.NEVER:
        return "off (SOUK_SANDBOX=never)"
    if policy is SandboxPolicy.ALWAYS:
        return "every task runs in it and makes marked test files (SOUK_SANDBOX=always)"
    if live:
        return "only for sandbox keys: `souk keys create --sandbox` makes one"
    return "no connection is configured, so every model makes marked test files; see `souk providers`"


def _first_request(house: "House") -> str:
    """A curl command that makes a picture, or one that chats where nothing makes pictures."""
    from souk.engine.routes import routes_of
    from souk.words import Mode

    always = house.settings.sandbox is SandboxPolicy.ALWAYS
    live = bool(house.configured) and not always
    mode = Mode.LIVE if live or house.settings.sandbox is SandboxPolicy.NEVER else Mode.SANDBOX
    able = (
        model
        for model in house.catalog.models.values()
        if model.category == "image" and not model.paused and routes_of(model, mode, house.connections)
    )
    for model in able:
        if body := _body(model):
            return _curl(house, "/api/v1/jobs/createTask", body)
    return _first_chat(house) if mode is Mode.LIVE else ""


def _first_chat(house: "House") -> str:
    providers = {item.connection.provider for item in house.configured}
    for model in house.catalog.chats.values():
        reached = any(route.usable and route.provider in providers for route in model.routes)
        if reached and not model.paused and "chat" in model.protocols:
            body = {"model": model.id, "messages": [{"role": "user", "content": GREETING}]}
            return _curl(house, "/v1/chat/completions", json.dumps(body))
    return ""


def _curl(house: "House", path: str, body: str) -> str:
    key = house.first.made_api_key or "$SOUK_API_KEY"
    return (
        f"curl -s {house.public_url}{path} -H 'Content-Type: application/json' \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n  -d {shlex.quote(body)}'
    )


def _body(model: "Model") -> str:
    """A request for a model that wants nothing but a prompt; empty for any other."""
    from souk.catalog import InputRefused

    asked = {"prompt": PROMPT}
    try:
        model.check(asked)
    except InputRefused:
        return ""
    return json.dumps({"model": model.id, "input": asked})
