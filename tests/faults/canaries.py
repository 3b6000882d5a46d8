"""A Souk whose every secret is marked, driven through every kind of trouble, with all it said and stored meanwhile."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import yaml
from aiohttp import web

from souk.store.database import Database
from souk.store.dump import read_table, table_names
from souk.store.statement import Statement
from tests.faults.process import ServerProcess
from tests.upstreams.kie import FakeKie
from tests.upstreams.receiver import Received, Receiver, receiver
from tests.wire.media import media_server

API_KEY = 'canary-api-key+/="0123456789'
WEBHOOK_KEY = "whsec_" + base64.b64encode(b"canary-webhook-key-0123").decode()
SECRET_KEY = "canary-secret-key-0123456789"
UPSTREAM_KEY = 'canary-upstream-key+/="0123456789'
LISTED_KEY = "canary-listed-key-0123456789"
DATABASE_PASSWORD = "canary-database-password"
WRONG_KEY = "canary-wrong-key-0123456789"
"""Someone's mistake; it may well be right elsewhere."""
SECRETS = {
    "SOUK_API_KEY": API_KEY,
    "SOUK_WEBHOOK_KEY": WEBHOOK_KEY,
    "SOUK_SECRET_KEY": SECRET_KEY,
    "KIE_API_KEY": UPSTREAM_KEY,
    "the key of a connection in souk.yaml": LISTED_KEY,
    "the password in SOUK_DATABASE_URL": DATABASE_PASSWORD,
    "a wrong key in a request": WRONG_KEY,
}

CALLBACK_TOKEN = "canary-callback-token"
INPUT_TOKEN = "canary-input-token"
USERINFO = "canary-userinfo"
TOKENS = {
    "a token in a callback's address": CALLBACK_TOKEN,
    "a token in an input's address": INPUT_TOKEN,
    "a password in an address": USERINFO,
}
"""What owners send inside addresses: shown to the owner in ``param``, kept where it is needed, and nowhere else."""

OWNERS_COLUMNS = {
    "tasks": {"input", "callback_url", "progress_url", "prepared"},
    "outbox": {"url", "body"},
}
"""Where the store needs owners' addresses."""

RENAMED = "tasks_away"
PICTURE, EDIT = "z-image", "qwen/image-to-image"
END = {"success", "fail"}
PIECE = 1 << 16


@dataclass
class Evidence:
    """Everything that could be read afterwards, by where it was read."""

    secrets: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    log: dict[str, str] = field(default_factory=dict[str, str])
    commands: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, str] = field(default_factory=dict[str, str])
    callbacks: dict[str, str] = field(default_factory=dict[str, str])
    tables: dict[str, str] = field(default_factory=dict[str, str])
    """Rows without the columns where owners' addresses belong."""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Everything in the data folder, and the backup."""
    tasks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def forms(secret: str) -> set[str]:
    """The ways a secret may be written."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    whole = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], encoded, secret.encode().hex()}
    return whole | ({"canary-webhook-key-0123"} if secret == WEBHOOK_KEY else set())


def found_in(places: dict[str, str], secrets: dict[str, str]) -> list[str]:
    """Which secret is in which place."""
    return [
        f"{name} is in {place}"
        for place, text in places.items()
        for name, secret in secrets.items()
        if any(form in text for form in forms(secret))
    ]


@dataclass
class Town:
    """A server, its upstream, a receiver, and notes of what everyone said."""

    server: ServerProcess
    media: str
    receiver: Receiver
    session: aiohttp.ClientSession
    evidence: Evidence = field(default_factory=Evidence)
    sandbox_key: str = ""

    async def call(self, method: str, path: str, body: Any = None, *, key: str = API_KEY) -> dict[str, Any]:
        """One request; what came back is noted without the owner's own ``param``."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        async with self.session.request(method, self.server.url + path, headers=headers, data=data) as answer:
            text = await answer.text()
            names = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        number = len(self.evidence.answers)
        whole = [parsed(line.removeprefix("data: ")) for line in text.splitlines()]
        told = json.dumps(without_param(whole), ensure_ascii=False)
        self.evidence.answers[f"answer {number}: {method} {path.partition('?')[0]}"] = f"{names}\n{told}"
        return whole[0] if whole and isinstance(whole[0], dict) else {}

    async def create(self, model: str, prompt: str, *, key: str = API_KEY, **more: Any) -> str:
        """The id of a new task; empty when it was refused."""
        inputs = {"prompt": prompt} | more.pop("input", {"aspect_ratio": "1:1"})
        body = {"model": model, "input": inputs, **more}
        answer = await self.call("POST", "/api/v1/jobs/createTask", body, key=key)
        return answer["data"]["taskId"] if answer["code"] == 200 else ""

    async def souk(self, *words: str) -> str:
        """Run a command beside the server; its stdout."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "souk", *words),
            cwd=self.server.folder,
            env=self.server.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        self.evidence.commands[f"command {len(self.evidence.commands)}: souk {' '.join(words[:2])}"] = (
            f"{out.decode()}\n{err.decode()}"
        )
        return out.decode()

    def hook(self, path: str) -> str:
        return f"{self.receiver.url(path)}?token={CALLBACK_TOKEN}&sig={CALLBACK_TOKEN}"

    def picture(self, name: str = "picture.png") -> str:
        return f"{self.media}/{name}?token={INPUT_TOKEN}&sig={INPUT_TOKEN}"


def parsed(line: str) -> Any:
    """A line as JSON if it is that."""
    try:
        return json.loads(line)
    except ValueError:
        return line


def without_param(node: Any) -> Any:
    """An answer without what the owner gets back of its own words."""
    if isinstance(node, dict):
        return {name: without_param(value) for name, value in node.items() if name != "param"}
    return [without_param(item) for item in node] if isinstance(node, list) else node


async def echo(received: Received) -> web.StreamResponse:
    """A receiver that fails, and says so with everything it was told."""
    if received.path.startswith("/good"):
        return web.Response()
    return web.Response(status=500, text=f"cannot POST {received.path} {json.dumps(received.headers)}")


async def gather_evidence(folder: Path, database_url: str) -> Evidence:
    """The whole story: two servers one after the other, the log as text and as JSON, secrets as values and as files."""
    async with town(folder, database_url) as here:
        here.server.settings["SOUK_LOG_FORMAT"] = "text"
        await here.server.start()
        here.sandbox_key = (await here.souk("keys", "create", "--sandbox")).strip()
        here.evidence.commands.popitem()  # the one place where it is shown
        here.evidence.secrets["a key that Souk made"] = here.sandbox_key
        await trouble(here)
        await commands(here)
        await here.server.stop()
        here.server.settings |= {"SOUK_LOG_FORMAT": "json", **as_files(folder, here.server)}
        await here.server.start()
        await trouble(here)
        await here.server.stop()
        evidence = here.evidence
        evidence.log["the log"] = here.server.log.read_text()
        for number, received in enumerate(here.receiver.got):
            told = without_param(json.loads(received.body or b"{}"))
            evidence.callbacks[f"callback {number}"] = f"{received.headers}\n{json.dumps(told)}"
    evidence.tables = dict(tables(database_url))
    evidence.files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "data").rglob("*")
        if path.is_file() and path.name not in ("souk.yaml", "server.log")
    }
    return evidence


@asynccontextmanager
async def town(folder: Path, database_url: str) -> AsyncIterator[Town]:
    data = folder / "data"
    data.mkdir()
    (folder / "media").mkdir()
    quick = {model: {"usual_seconds": 0.2} for model in (PICTURE, EDIT)}
    listed = {"name": "spare", "provider": "kie", "api_key": LISTED_KEY}
    with FakeKie(key=UPSTREAM_KEY) as upstream, media_server(folder / "media") as media:
        config = {"models": quick, "connections": [listed | {"base_url": upstream.url}]}
        (data / "souk.yaml").write_text(yaml.safe_dump(config))
        settings = {
            "SOUK_API_KEY": API_KEY,
            "SOUK_WEBHOOK_KEY": WEBHOOK_KEY,
            "SOUK_SECRET_KEY": SECRET_KEY,
            "KIE_API_KEY": UPSTREAM_KEY,
            "SOUK_LOG_LEVEL": "DEBUG",
            "SOUK_REVIEW_SECONDS": "0.5",
        }
        server = ServerProcess(data, with_password(database_url), upstream.url, settings)
        async with receiver(echo) as clients, aiohttp.ClientSession() as session:
            try:
                yield Town(server, media.url, clients, session)
            finally:
                if server.process is not None:
                    await server.kill()


def with_password(url: str) -> str:
    """The same database; the test cluster takes any password."""
    return url.replace("://souk@", f"://souk:{DATABASE_PASSWORD}@")


def as_files(folder: Path, server: ServerProcess) -> dict[str, str]:
    """The same secrets, each in a file that a variable names."""
    settings: dict[str, str] = {}
    values = {name: server.settings[name] for name in SECRETS if name in server.settings}
    for name, value in {**values, "SOUK_DATABASE_URL": server.database_url}.items():
        (folder / name).write_text(value + "\n")
        settings |= {name: "", f"{name}_FILE": str(folder / name)}
    return settings


async def trouble(here: Town) -> None:
    """Everything that can go wrong on the way of a request or a task, and what goes right."""
    await asyncio.gather(*refused_requests(here))
    made = await asyncio.gather(*tasks_of_every_fate(here))
    ids = [task_id for task_id in made if task_id]
    records = await asyncio.gather(
        *(here.call("GET", f"/api/v1/jobs/recordInfo?taskId={task_id}&wait=15") for task_id in ids)
    )
    here.evidence.tasks += [record["data"] for record in records if record["data"]]
    async with asyncio.timeout(30):
        await here.receiver.wait(2)
    await here.call("GET", f"/api/v1/jobs/{ids[0]}/events")
    await here.call("GET", "/api/v1/jobs/list?limit=100")
    for path in ("/metrics", "/health", "/ready", "/api/v1/models/z-image", "/nowhere?token=" + WRONG_KEY):
        await here.call("GET", path)
    await broken_store(here)


def refused_requests(here: Town) -> Iterator[Any]:
    create, given = (
        "/api/v1/jobs/createTask",
        {"model": PICTURE, "input": {"prompt": "x", "aspect_ratio": "1:1"}},
    )
    for hook in (
        f"http://someone:{USERINFO}@127.0.0.1/hook?token={CALLBACK_TOKEN}",
        f"http://169.254.169.254/latest?token={CALLBACK_TOKEN}",
        f"ftp://127.0.0.1/hook?token={CALLBACK_TOKEN}",
        f"not an address {CALLBACK_TOKEN}",
        f"http://[::1?token={CALLBACK_TOKEN}",
    ):
        yield here.call("POST", create, {**given, "callBackUrl": hook})
    yield here.call("POST", create, b'{"model": "z-image", "callBackUrl": "' + CALLBACK_TOKEN.encode())
    yield here.call("POST", create, {**given, "callbackUrl": here.hook("/good")})
    yield here.call("POST", create, {"model": EDIT, "input": {"prompt": "x", "image_url": [here.picture()]}})
    yield here.call("POST", create, given, key=WRONG_KEY)
    yield here.call("GET", "/api/v1/chat/credit", key=WRONG_KEY)
    yield here.call("GET", "/api/v1/jobs/recordInfo?taskId=" + WRONG_KEY)


def tasks_of_every_fate(here: Town) -> Iterator[Any]:
    hook, bad = here.hook("/good"), here.hook("/bad")
    yield here.create(EDIT, "a dog", input={"image_url": here.picture()}, callBackUrl=hook)
    yield here.create(PICTURE, "a cat", callBackUrl=bad)
    for words in (
        "[up:fail=422]",
        "[up:fail=500]",
        "[up:refuse=422]",
        "[up:refuse=401]",
        "[up:refuse=500]",
        "[up:refuse=999]",
        "[up:401-while-polling=1]",
        "[up:429-while-polling=1]",
    ):
        yield here.create(PICTURE, f"{words}[up:quotes-key]", callBackUrl=bad)
    for words in (
        "[up:html]",
        "[up:drop-before-accept]",
        "[up:file-private]",
        "[up:truncated]",
    ):
        yield here.create(PICTURE, words, callBackUrl=f"http://127.0.0.1:9/hook?token={CALLBACK_TOKEN}")
    for address in (
        here.picture("missing.png"),
        here.picture().replace("http://", f"http://someone:{USERINFO}@"),
        f"{here.receiver.url('/page')}?token={INPUT_TOKEN}&sig={INPUT_TOKEN}",
        f"http://169.254.169.254/latest?token={INPUT_TOKEN}",
        f"http://127.0.0.1:9/cat.png?token={INPUT_TOKEN}",
    ):
        yield here.create(EDIT, "a dog", input={"image_url": address})
    yield here.create(PICTURE, "[souk:fail=422]", key=here.sandbox_key, callBackUrl=bad)


async def broken_store(here: Town) -> None:
    """Faults of our own: a table is gone for a while."""
    connection = Database(here.server.database_url).connect()
    try:
        connection.run(Statement(f"ALTER TABLE tasks RENAME TO {RENAMED}"))
        try:
            await here.create(PICTURE, "lost", callBackUrl=here.hook("/good"))
            await here.call("GET", "/api/v1/jobs/list")
            await asyncio.sleep(1.2)  # the engine looks for work meanwhile
        finally:
            connection.run(Statement(f"ALTER TABLE {RENAMED} RENAME TO tasks"))
    finally:
        connection.close()


async def commands(here: Town) -> None:
    """What operators ask beside the running server."""
    (first, *_), failed = here.evidence.tasks, next(t for t in here.evidence.tasks if t["state"] == "fail")
    asked = [
        *(("doctor",), ("providers", "--json"), ("keys", "list", "--json"), ("accounts", "list", "--json")),
        *(("tasks", "list", "--json"), ("tasks", "show", first["taskId"]), ("backup", "backup.tar")),
        *(("tasks", "show", task["taskId"], "--json") for task in (first, failed)),
        ("callbacks", "test", here.hook("/bad")),
        ("callbacks", "test", f"http://someone:{USERINFO}@127.0.0.1/hook"),
    ]
    gate = asyncio.Semaphore(2)

    async def one(words: tuple[str, ...]) -> None:
        async with gate:
            await here.souk(*words)

    await asyncio.gather(*map(one, asked))


def tables(database_url: str) -> Iterator[tuple[str, str]]:
    """Every row of every table, by table."""
    connection = Database(database_url).connect(read_only=True)
    try:
        for name in table_names():
            left_out = OWNERS_COLUMNS.get(name, set[str]())
            rows = [row for page in read_table(connection, name) for row in page]
            kept = [{column: row[column] for column in row if column not in left_out} for row in rows]
            yield f"table {name}", json.dumps(kept, ensure_ascii=False)
    finally:
        connection.close()
