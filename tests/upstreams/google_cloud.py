"""A strict stand-in for Google Cloud: tokens for a service account's signed word, and Veo's long-running operations."""

import base64
import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.upstreams.google_media import TYPES, google_error, is_base64
from tests.upstreams.journal import Submit
from tests.upstreams.lies import FOR_EVER, Words
from tests.upstreams.results import result_file
from tests.upstreams.service import FakeService

PROJECT: Final = "our-project"
REGION: Final = "europe-west4"
MODELS: Final = ("veo-3.1-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001")
PARAMETERS: Final = {
    "sampleCount",
    "durationSeconds",
    "aspectRatio",
    "resolution",
    "generateAudio",
    "seed",
    "personGeneration",
    "negativePrompt",
    "enhancePrompt",
    "storageUri",
}
ACCOUNT: Final = "souk@our-project.iam.invalid"


@cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class FakeCloud(FakeService):
    """Google Cloud. ``key`` is the token it gives and takes.

    ``[up:moderated]`` holds the clip back, ``[up:fail=CODE]`` ends with one of Google's own status codes.
    """

    retry_seconds = 37

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/token", self._token)
        app.router.add_get("/storage/v1/b/{bucket}/o/{name}", self._object)
        place = "/{version:v1|v1beta1}/projects/{project}/locations/{region}/publishers/google/models/{call}"
        app.router.add_post(place, self._call)
        self.tokens = 0
        """How many were asked for."""
        self.trusted = True
        """Whether the account may have one."""

    def account(self) -> str:
        """The key file of the service account."""
        pem = signing_key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "k1",
                "private_key": pem.decode(),
                "client_email": ACCOUNT,
                "token_uri": f"{self.url}/token",
            }
        )

    def refusal(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
        details = (
            [{"@type": f"{TYPES}RetryInfo", "retryDelay": f"{self.retry_seconds}s"}] if code == 429 else []
        )
        return google_error(code, message, details)

    async def _token(self, request: web.Request) -> web.Response:
        self.tokens += 1
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        wrong = None if self.trusted else "account disabled"
        wrong = wrong or self._wrong_word(form)
        if wrong:
            told = {"error": "invalid_grant", "error_description": f"Invalid JWT: {wrong}"}
            return web.json_response(told, status=400)
        return web.json_response({"access_token": self.key, "expires_in": 3599, "token_type": "Bearer"})

    def _wrong_word(self, form: dict[str, str]) -> str | None:
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return "grant_type"
        said, _, signature = form["assertion"].rpartition(".")
        try:
            signing_key().public_key().verify(
                decoded(signature), said.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return "signature"
        head, claims = (json.loads(decoded(part)) for part in said.split("."))
        if head != {"alg": "RS256", "typ": "JWT", "kid": "k1"}:
            return "header"
        if (claims["iss"], claims["aud"]) != (ACCOUNT, f"{self.url}/token"):
            return "iss"
        if abs(claims["iat"] - time.time()) > 600 or not 0 < claims["exp"] - claims["iat"] <= 3600:
            return "iat"
        return None if claims["scope"] == "https://www.googleapis.com/auth/cloud-platform" else "scope"

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return self.refusal(401, "Request had invalid authentication credentials.")
        if (request.match_info["project"], request.match_info["region"]) != (PROJECT, REGION):
            return self.refusal(403, "Permission denied on resource project")
        model, _, method = request.match_info["call"].partition(":")
        if model not in MODELS:
            return self.refusal(404, f"Publisher Model `{model}` was not found")
        body: dict[str, Any] = json.loads(await request.text())
        if method == "fetchPredictOperation":
            return await self._operation(request, body)
        if wrong := _wrong(body):
            return self.complain(400, f"Invalid value at '{wrong}'")
        prompt = body["instances"][0]["prompt"]
        lie = await self.lie_before(request, prompt)
        if lie is not None:
            return lie
        submit = self.accept(model, prompt, body)
        return await self.answer(request, submit, {"name": name_of(submit)})

    async def _operation(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        submit = self.tasks.get(body["operationName"].rpartition("/")[2])
        if submit is None or body != {"operationName": name_of(submit)}:
            return self.refusal(404, "operation not found")
        whole = {"name": name_of(submit), **self._state(submit)}
        lie = await self.lie_while_polling(request, submit, whole)
        return web.json_response(whole) if lie is None else lie

    def _state(self, submit: Submit) -> dict[str, Any]:
        words, polls = Words(submit.prompt), self.polls[submit.task_id] + 1
        if self.running(submit):
            return {}
        if "fail" in words:
            error = {"code": int(words["fail"]), "message": self.said("Broken", words)}
            return {"done": True, "error": error}
        if "moderated" in words:
            held = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["Support codes: 15236754"]}
            return {"done": True, "response": held}
        if polls <= words.times("no-file", FOR_EVER):
            return {"done": True, "response": {}}
        if folder := submit.input["parameters"].get("storageUri"):
            stored = {
                "gcsUri": f"{folder.rstrip('/')}/{submit.task_id}/sample_0.mp4",
                "mimeType": "video/mp4",
            }
            return {"done": True, "response": {"videos": [stored]}}
        clip = {"bytesBase64Encoded": base64.b64encode(clip_of(submit)).decode(), "mimeType": "video/mp4"}
        return {"done": True, "response": {"videos": [clip]}}

    async def _object(self, request: web.Request) -> web.Response:
        """A clip in the bucket ``our-bucket``, in its folder ``clips``."""
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.Response(status=401, text="Invalid Credentials")
        folder, _, rest = request.match_info["name"].partition("/")
        submit = self.tasks.get(rest.partition("/")[0])
        known = (request.match_info["bucket"], folder) == ("our-bucket", "clips")
        if submit is None or not known or request.query.get("alt") != "media":
            return web.Response(status=404, text="No such object")
        return web.Response(body=clip_of(submit), content_type="video/mp4")


def name_of(submit: Submit) -> str:
    place = f"projects/{PROJECT}/locations/{REGION}/publishers/google/models/{submit.model}"
    return f"{place}/operations/{submit.task_id}"


def clip_of(submit: Submit) -> bytes:
    return result_file("video", int(submit.task_id[:6], 16))


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _wrong(body: dict[str, Any]) -> str | None:
    """The first thing that the reference of the Veo models does not allow."""
    if set(body) != {"instances", "parameters"} or len(body["instances"]) != 1:
        return "instances"
    (instance,), wishes = body["instances"], body["parameters"]
    if unknown := set(instance) - {"prompt", "image", "lastFrame", "video", "referenceImages"}:
        return min(unknown)
    if unknown := set(wishes) - PARAMETERS:
        return f"parameters.{min(unknown)}"
    if not instance["prompt"] or ("lastFrame" in instance and "image" not in instance):
        return "instances.image"
    references = instance.get("referenceImages", [])
    media = [instance[name] for name in ("image", "lastFrame", "video") if name in instance]
    for each in media + [reference["image"] for reference in references]:
        if set(each) != {"bytesBase64Encoded", "mimeType"} or not is_base64(each["bytesBase64Encoded"]):
            return "bytesBase64Encoded"
    if len(references) > 3 or any(each["referenceType"].lower() != "asset" for each in references):
        return "instances.referenceImages"
    return _wrong_wish(wishes, whole=bool(references) or "video" in instance)


def _wrong_wish(wishes: dict[str, Any], *, whole: bool) -> str | None:
    seconds, resolution = wishes.get("durationSeconds", 8), wishes.get("resolution", "720p")
    if wishes.get("aspectRatio", "16:9") not in ("16:9", "9:16"):
        return "parameters.aspectRatio"
    if resolution not in ("720p", "1080p", "4k"):
        return "parameters.resolution"
    if seconds not in (4, 6, 8) or (seconds != 8 and (whole or resolution != "720p")):
        return "parameters.durationSeconds"
    return None if wishes.get("sampleCount", 1) in (1, 2, 3, 4) else "parameters.sampleCount"
