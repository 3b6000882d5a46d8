"""The composed process: from settings to everything that serves, runs and tells, opened and closed in order."""

import logging
import os
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from souk import logs
from souk.accounts.auth import Authenticator
from souk.accounts.bootstrap import Bootstrap, FirstAccount, bootstrap
from souk.accounts.in_force import KeyWatch
from souk.accounts.secrets import SecretBox, open_box
from souk.accounts.webhook_keys import WebhookKeys
from souk.assets.belonging import settle_at_start
from souk.assets.ingest import Ingest, IngestLimits
from souk.assets.inputs import Sources
from souk.assets.media import TaskMedia
from souk.assets.storage import Storage
from souk.callbacks.worker import OutboxWorker
from souk.catalog.catalog import Catalog
from souk.catalog.load import load_catalog
from souk.clock import Clock, SystemClock
from souk.config import Config
from souk.dialects.shelf import Shelf
from souk.dialects.table import Dialects
from souk.engine.engine import Engine
from souk.engine.hooks import Hooks
from souk.engine.parents import Given, parent_files
from souk.engine.slot import SlotLock
from souk.engine.world import World
from souk.engines import add_providers, check_routes, connections_of, engines_of, fitters_of, limits_of
from souk.ids import Chance
from souk.measure import Meters
from souk.neighbours import Neighbours
from souk.net.client import GuardedHttp
from souk.net.policy import Policy
from souk.net.streaming import StreamingHttp
from souk.operations.address import public_address
from souk.operations.admin import Admin
from souk.operations.create import Limits
from souk.operations.drafts import Drafts
from souk.operations.operations import Operations
from souk.operations.uploads import UploadLimits, Uploads
from souk.premises import make_data_dir, meter_of, secret_values, storage_of, take_slot
from souk.providers.base import NO_FILES, Connection, LocalProvider, Media, Provider
from souk.providers.children.pool import Pool
from souk.providers.connections import Configured
from souk.relay.meter import Meter
from souk.relay.rate import Rate
from souk.relay.relay import Relay
from souk.relay.roads import Roads
from souk.relay.sandbox import SandboxChat
from souk.settings import SandboxPolicy, Settings
from souk.store.assets import AssetRow
from souk.store.database import Database
from souk.store.lane import Lane
from souk.store.migrate import migrate
from souk.store.place import database_of
from souk.store.reads import Reads
from souk.store.tasks import TaskRow
from souk.telling import Telling
from souk.watch import ConfigWatch
from souk.words import JsonObject

log = logging.getLogger("souk")

DAY_MS = 86_400_000
DOWNLOAD_SECONDS = 600.0


@dataclass
class House:
    """Everything a process is made of. Made by :meth:`open`, ended by :meth:`close`."""

    settings: Settings
    config: Config
    public_url: str
    database: Database
    clock: Clock
    lane: Lane
    reads: Reads
    box: SecretBox
    first: Bootstrap
    catalog: Catalog
    configured: list[Configured]
    connections: Mapping[str, Connection]
    http: GuardedHttp
    callback_http: GuardedHttp
    """For callbacks: each receiver has its own limit, so there is none over all."""
    chat_http: StreamingHttp
    storage: Storage
    dialects: Dialects
    meters: Meters
    webhook_keys: WebhookKeys
    key_watch: KeyWatch
    neighbours: Neighbours
    watch: ConfigWatch
    meter: Meter
    operations: Operations = field(init=False)
    engine: Engine | None = None
    outbox: OutboxWorker | None = None
    engines: Mapping[str, LocalProvider] = field(default_factory=dict[str, LocalProvider])
    fitters: Pool | None = None
    slot: SlotLock | None = None

    @classmethod
    async def open(
        cls,
        settings: Settings,
        config: Config | None = None,
        *,
        engine: bool,
        public_url: str = "",
        env: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> "House":
        """Put a process together. ``engine`` also runs tasks and delivers callbacks; ``public_url`` is where it serves.

        Raises SettingsError (or another error whose message names the setting) when something is not as it must be.
        """
        config = config or Config()
        clock = clock or SystemClock()
        env = os.environ if env is None else env
        make_data_dir(settings.data_dir)
        with ExitStack() as undo:
            slot = take_slot(settings) if engine else None
            if slot is not None:
                undo.callback(slot.release)
            migrate(database_of(settings))
            catalog = load_catalog(overrides=config.models)
            check_routes(catalog)
            configured, connections = connections_of(settings, config, env)
            logs.redact.add(*secret_values(settings, connections))
            box = open_box(
                settings.secret_key.get_secret_value(),
                settings.data_dir,
                settings.secret_key_before.get_secret_value(),
            )
            database = database_of(settings, box.badges)
            process = f"{slot.name if slot else 'no-slot'}#{secrets.token_hex(8)}"
            lane = Lane(database, process)
            undo.callback(lane.close)
            reads = Reads(database)
            undo.callback(reads.close)
            lane.start()
            first = await bootstrap(lane, reads, box, FirstAccount.of(settings), clock)
            meters = Meters()
            storage = storage_of(settings, meters)
            await settle_at_start(storage, first.installation)
            policy = Policy(settings.outbound_policy.value)
            house = cls(
                settings=settings,
                config=config,
                public_url=await public_address(settings, lane, reads, public_url),
                database=database,
                clock=clock,
                lane=lane,
                reads=reads,
                box=box,
                first=first,
                catalog=catalog,
                configured=configured,
                connections=connections,
                http=GuardedHttp.open(policy),
                callback_http=GuardedHttp.open(policy, connections=0),
                chat_http=StreamingHttp.open(),
                storage=storage,
                dialects=Dialects(settings.wire, Shelf(clock.now, int(settings.results_days * DAY_MS))),
                meters=meters,
                webhook_keys=WebhookKeys(reads, box, clock),
                key_watch=KeyWatch(reads, box, clock),
                neighbours=Neighbours(clock),
                watch=ConfigWatch(settings, config, env, catalog, connections),
                meter=meter_of(lane, reads, clock, process, slot),
                slot=slot,
            )
            house.operations = house._operations()
            house.neighbours.open(database)
            undo.callback(house.neighbours.close)
            if slot is not None:
                await house._start_engine(slot)
            house.meter.start()
            house.watch.start()
            house.key_watch.start()
            undo.pop_all()
            return house

    async def close(self) -> None:
        """Let work end, hand the rest back, and close everything in the reverse order."""
        await self.watch.close()
        await self.key_watch.close()
        if self.engine is not None:
            await self.engine.close()
        if self.outbox is not None:
            await self.outbox.close()
        if self.fitters is not None:
            await self.fitters.close()
        for engine in self.engines.values():
            await engine.close()
        await self.meter.close()
        await self.chat_http.aclose()
        await self.http.aclose()
        await self.callback_http.aclose()
        await self.storage.close()
        self.neighbours.close()
        self.lane.close()
        self.reads.close()
        if self.slot is not None:
            self.slot.release()

    def admin(self, actor: str) -> Admin:
        """What operators do, recorded under this name."""
        return Admin(self.lane, self.reads, self.clock, self.box, actor=actor)

    @cached_property
    def relay(self) -> Relay:
        """What answers chats."""
        settings = self.settings
        off = settings.sandbox is SandboxPolicy.NEVER
        sandbox = None if off else SandboxChat(self.clock, settings.sandbox_delay)
        return Relay(
            Roads(self.catalog, self.connections, self.chat_http, sandbox),
            self.meter,
            self.operations.mode_of,
            Rate(self.clock, settings.rate_chats, None if settings.sqlite else self.lane),
            self.clock,
            self.meters,
            self.meter.expenses,
        )

    @cached_property
    def hooks(self) -> Hooks:
        """What upstreams report to. They can only reach a public address."""
        url = self.settings.public_url.rstrip("/")
        return Hooks(
            self.lane, self.reads, self.clock, self.box, url, lambda: self.engine, self.neighbours.hint
        )

    @cached_property
    def uploads(self) -> Uploads:
        """What brings files in."""
        settings = self.settings
        return Uploads(
            self.storage,
            self.http,
            self.reads,
            self.lane,
            self.clock,
            Chance(),
            self.box.sign,
            self.public_url,
            UploadLimits(settings.max_upload_bytes, int(settings.uploads_days * DAY_MS)),
        )

    def seen_through_proxy(self) -> None:
        """A forwarding header arrived: this server is not just someone's laptop, so the default policy tightens."""
        if self.settings.network_policy is None:
            self.http.restrict()
            self.callback_http.restrict()

    async def media_of(self, task: TaskRow, given: JsonObject, folder: Callable[[], Path]) -> Media:
        """The files that a task's input names, fetched into a folder of its own when asked for."""

        def media(inputs: Given, parents: Mapping[str, Sequence[AssetRow]]) -> Media:
            if not inputs and not parents:
                return NO_FILES
            max_bytes = self.settings.max_input_bytes
            sources = Sources(
                self.storage, self.http, self.reads, self.public_url, max_bytes, task_id=task.id
            )
            return TaskMedia(inputs, parents, folder() / "inputs", sources)

        return await parent_files(self.catalog.models[task.model], task, given, self.reads, media)

    @cached_property
    def telling(self) -> Telling:
        """What callbacks say."""
        return Telling(self.reads, self.dialects, self.public_url)

    def _operations(self) -> Operations:
        settings = self.settings
        authenticator = Authenticator(self.reads, self.clock)
        self.neighbours.forget += [authenticator.forget, self.webhook_keys.forget]
        return Operations(
            catalog=self.catalog,
            lane=self.lane,
            reads=self.reads,
            clock=self.clock,
            random=random.Random(secrets.randbits(256)),  # noqa: S311 - task ids need to be unique, not secret
            bell=self.neighbours.bell,
            meters=self.meters,
            authenticator=authenticator,
            drafts=Drafts(
                self.catalog,
                self.reads,
                self.clock,
                self.connections,
                settings.sandbox,
                lambda: self.http.policy,
                self.public_url,
            ),
            limits=Limits(settings.rate_creates, settings.max_waiting),
            public_url=self.public_url,
            held_ahead=self.meter,
            expect_work=self.neighbours.expect_work,
            share_work=self.neighbours.work,
            cancel_engine=self.neighbours.cancel,
            wake_callbacks=self.neighbours.callbacks,
        )

    async def _start_engine(self, slot: SlotLock) -> None:
        settings = self.settings
        node = f"{slot.name}#{secrets.token_hex(8)}"
        chance = Chance()
        self.engines, self.fitters = engines_of(settings), fitters_of(settings)
        providers: dict[str, Provider] = {}
        add_providers(providers, self.connections)
        self.watch.prepare.append(partial(add_providers, providers))
        self.outbox = self.neighbours.outbox = OutboxWorker(
            lane=self.lane,
            reads=self.reads,
            http=self.callback_http,
            clock=self.clock,
            random=chance,
            render=self.telling.render,
            keys_of_account=self.webhook_keys.keys_of_account,
            owner=node,
            log=logging.getLogger("souk.callbacks"),
            count=self.meters.delivery,
        )
        keep_ms = int(settings.results_days * DAY_MS)
        world = World(
            clock=self.clock,
            random=chance,
            lane=self.lane,
            reads=self.reads,
            http=self.http,
            catalog=self.catalog,
            ingest=Ingest(
                self.storage,
                self.http,
                self.reads,
                self.clock,
                chance,
                IngestLimits(settings.max_result_bytes, DOWNLOAD_SECONDS, keep_ms),
            ),
            storage=self.storage,
            providers=providers,
            locals=self.engines,
            connections=self.connections,
            media_of=self.media_of,
            workdir=settings.data_dir / "work",
            node=node,
            slot=slot.name,
            bell=self.neighbours.bell,
            meters=self.meters,
            fitters=self.fitters,
            limits=limits_of(settings),
            hook_address=self.hooks.address,
            wake_callbacks=self.neighbours.callbacks,
            last_word=self.telling.last_word,
            share_work=self.neighbours.share_work,
        )
        self.engine = self.neighbours.engine = Engine(world)
        self.watch.follow.append(self.engine.follow)
        await self.engine.start()
        self.outbox.start()
        log.info("engine started", extra={"node": secrets.token_hex(2)})
