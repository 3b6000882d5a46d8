"""The fake services that lie: every shape of protocol there is among the providers, and a Souk's way to them."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from souk.catalog.load import load_catalog
from souk.providers.registry import PROVIDERS
from souk.words import ModelId
from tests.faults.lie_table import Trait
from tests.upstreams.ark import FakeArk
from tests.upstreams.bfl import FakeBfl
from tests.upstreams.dashscope import FakeDashScope
from tests.upstreams.elevenlabs import FakeElevenLabs
from tests.upstreams.fal import FakeFal
from tests.upstreams.google_cloud import REGION, FakeCloud
from tests.upstreams.google_media import FakeGoogle
from tests.upstreams.google_omni import FakeOmni
from tests.upstreams.journal import Submit
from tests.upstreams.kie import FakeKie
from tests.upstreams.kling import SECRET, FakeKling
from tests.upstreams.openai_media import FakeOpenAIMedia
from tests.upstreams.results import result_file
from tests.upstreams.service import FakeService
from tests.upstreams.xai import FakeXai

CATALOG = load_catalog()
DEADLINE_SECONDS = 300
CLIP_SECONDS = "10"
AT_ONCE = frozenset({Trait.ANSWERED})
AT_ONCE_ELSEWHERE = AT_ONCE | {Trait.FETCHED}
NAMED_TASK = frozenset({Trait.POLLED, Trait.NAMED})
QUEUED_TASK = NAMED_TASK | {Trait.FETCHED, Trait.STATED, Trait.QUEUED}
PATIENT_TASK = QUEUED_TASK | {Trait.PATIENT}
REPORTED_TASK = PATIENT_TASK | {Trait.REPORTS, Trait.FOUND}
"""By what it reports a task can be found as well."""


@dataclass(frozen=True)
class Shape:
    """One way in which one provider runs a task, and a model of ours that goes this way."""

    name: str
    provider: str
    model: str
    traits: frozenset[Trait]
    kind: str = ""
    """Of the file that each of its tasks has for itself; empty where all get the same."""
    says: str = "prompt"
    """The input field that holds the words."""
    input: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What differs from the catalogue's example."""
    route: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What differs from the catalogue's route."""
    dedicated: str = ""
    """The path it is created at, where that is not the one of all models."""

    def request(self, words: str) -> tuple[str, dict[str, Any]]:
        """Path and body of a create call."""
        input = {**CATALOG.models[ModelId(self.model)].example, **self.input, self.says: words}
        if self.dedicated:
            return self.dedicated, {**input, "model": self.model}
        return "/api/v1/jobs/createTask", {"model": self.model, "input": input}

    def entry(self) -> dict[str, Any]:
        """What ``souk.yaml`` says of the model: it goes this way only, and is asked after at once."""
        own = next(
            route for route in CATALOG.models[ModelId(self.model)].routes if route.provider == self.provider
        )
        route = {"provider": self.provider, "model": own.model, **self.route}
        return {"usual_seconds": 0.2, "deadline_seconds": DEADLINE_SECONDS, "routes": [route]}


SHAPES = (
    Shape("kie", "kie", "flux-2/flex-text-to-image", REPORTED_TASK, "image"),
    Shape("openai-picture", "openai", "gpt-image/1.5-text-to-image", AT_ONCE, "image"),
    Shape(
        "openai-clip",
        "openai",
        "sora-2-text-to-video",
        QUEUED_TASK,
        "video",
        input={"n_frames": CLIP_SECONDS},
        route={"status": "retired", "use_retired": True},
    ),
    Shape("google-picture", "google", "nano-banana-2", AT_ONCE),
    Shape("google-clip", "google", "gemini-omni-video", QUEUED_TASK | {Trait.FINAL}, "video"),
    Shape(
        "google-cloud",
        "google-cloud",
        "veo3_fast",
        NAMED_TASK | {Trait.FINAL},
        "video",
        dedicated="/api/v1/veo/generate",
    ),
    Shape("bfl", "bfl", "flux-2/pro-text-to-image", REPORTED_TASK - {Trait.QUEUED}, "image"),
    Shape("ark-picture", "ark", "seedream/4.5-text-to-image", AT_ONCE_ELSEWHERE, "image"),
    Shape("ark-clip", "ark", "bytedance/seedance-2-fast", REPORTED_TASK, "video"),
    Shape("dashscope-picture", "dashscope", "z-image", AT_ONCE_ELSEWHERE, "image"),
    Shape("dashscope-task-picture", "dashscope", "wan/2-7-image", PATIENT_TASK, "image"),
    Shape("dashscope-clip", "dashscope", "wan/2-6-text-to-video", PATIENT_TASK, "video"),
    Shape("xai-picture", "xai", "grok-imagine/text-to-image", AT_ONCE_ELSEWHERE, "image"),
    Shape(
        "xai-clip",
        "xai",
        "grok-imagine/text-to-video",
        PATIENT_TASK - {Trait.QUEUED, Trait.NAMED},
        "video",
    ),
    Shape(
        "kling",
        "kling",
        "kling/v2-5-turbo-text-to-video-pro",
        REPORTED_TASK,
        "video",
    ),
    Shape(
        "elevenlabs-speech",
        "elevenlabs",
        "elevenlabs/text-to-speech-multilingual-v2",
        AT_ONCE,
        says="text",
    ),
    Shape(
        "elevenlabs-timed",
        "elevenlabs",
        "elevenlabs/text-to-speech-turbo-2-5",
        AT_ONCE,
        says="text",
        input={"timestamps": True},
    ),
    Shape("fal", "fal", "qwen/text-to-image", REPORTED_TASK, "image"),
)


class FakeGemini(FakeGoogle, FakeOmni):
    """The Gemini API whole: what it makes at once, and clips."""

    def routes(self, app: web.Application) -> None:
        FakeGoogle.routes(self, app)
        FakeOmni.routes(self, app)


FAKES: Mapping[str, tuple[Callable[[], FakeService], str]] = {
    "kie": (FakeKie, ""),
    "openai": (lambda: FakeOpenAIMedia(seconds=frozenset({CLIP_SECONDS})), "/v1"),
    "google": (FakeGemini, ""),
    "google-cloud": (FakeCloud, ""),
    "bfl": (FakeBfl, ""),
    "ark": (FakeArk, "/api/v3"),
    "dashscope": (FakeDashScope, "/api/v1"),
    "xai": (FakeXai, ""),
    "kling": (FakeKling, ""),
    "elevenlabs": (FakeElevenLabs, ""),
    "fal": (FakeFal, ""),
}
"""Who stands for each provider, and where its API begins."""
PLACES = {"upload_url": "", "keys_url": "/keys"}
"""Where the fake services have what connections' options name."""


@dataclass
class Liars:
    """The fake services, started."""

    fakes: dict[str, FakeService]

    def of(self, shape: Shape) -> FakeService:
        return self.fakes[shape.provider]

    def accepted(self, shape: Shape, marker: str) -> list[Submit]:
        """The submits that carry a marker."""
        return [submit for submit in self.of(shape).submits if marker in submit.prompt]

    def submits(self) -> list[Submit]:
        return [submit for fake in self.fakes.values() for submit in fake.submits]

    def complaints(self) -> list[str]:
        """What a well-made client would not have done."""
        return [f"{name}: {told}" for name, fake in self.fakes.items() for told in fake.complaints]

    def looks(self) -> int:
        """How often anything was asked after, and how often a file was fetched."""
        return sum(fake.polls.total() for fake in self.fakes.values())

    def fetches(self) -> int:
        return sum(fake.fetches.total() for fake in self.fakes.values())

    async def report_all_again(self) -> None:
        """Have every task reported, be it long over, by all who report."""
        for fake in self.fakes.values():
            await fake.report_all_again()

    def ahead(self, seconds: float) -> None:
        """Move on the clocks of services that go by them."""
        kling = self.fakes["kling"]
        assert isinstance(kling, FakeKling)
        kling.ahead = seconds

    def environment(self) -> dict[str, str]:
        """The variables that make a Souk's connections to all of them."""
        found: dict[str, str] = {}
        for name, fake in self.fakes.items():
            entry = PROVIDERS[name]
            key = fake.account() if isinstance(fake, FakeCloud) else fake.key
            found |= {entry.key_variable: key, entry.base_url_variable: fake.url + FAKES[name][1]}
            found |= {
                variable: fake.url + PLACES[option]
                for option, variable in entry.options.items()
                if option in PLACES
            }
        more = {"KLING_SECRET_KEY": SECRET, "GOOGLE_CLOUD_LOCATION": REGION, "SOUK_BFL_WEBHOOKS": "yes"}
        return found | more


@contextlib.contextmanager
def liars() -> Iterator[Liars]:
    """Every fake service, in this process, so that no kill of a server reaches it."""
    with contextlib.ExitStack() as stack:
        fakes = {name: stack.enter_context(make()) for name, (make, _) in FAKES.items()}
        for fake in fakes.values():
            fake.retry_seconds = 1
        yield Liars(fakes)


def models() -> dict[str, Any]:
    """The part of ``souk.yaml`` that sends each shape's model its way."""
    return {shape.model: shape.entry() for shape in SHAPES}


def digest_of(shape: Shape, submit: Submit) -> str:
    """The hash of the file that a fake service makes for a task."""
    return hashlib.sha256(result_file(shape.kind, int(submit.task_id[:6], 16))).hexdigest()
