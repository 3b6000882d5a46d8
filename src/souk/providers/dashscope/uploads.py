"""Handing DashScope the input files that it cannot fetch: a policy for one model, then a form to the store it names.

The key stays with the API; the form is let in by the policy's signature. What was uploaded is read as ``oss://…``.
"""

import mimetypes
from typing import Final
from urllib.parse import urlencode, urlsplit

from souk.net.http import FilePart, Form, Http, NetError, Unreadable
from souk.providers.answers import as_object, is_address
from souk.providers.base import Job, MediaFile, Refused
from souk.providers.dashscope.errors import not_taken
from souk.providers.dashscope.wire import ANSWER_BYTES, address, base, key
from souk.words import FailKind, JsonObject

SCHEME: Final = "oss://"
RESOLVE: Final = {"X-DashScope-OssResourceResolve": "enable"}
"""The header of a call that names uploaded files."""
POLICY_SECONDS: Final = 30.0
UPLOAD_SECONDS: Final = 300.0
FIELDS: Final = {
    "OSSAccessKeyId": "oss_access_key_id",
    "Signature": "signature",
    "policy": "policy",
    "x-oss-object-acl": "x_oss_object_acl",
    "x-oss-forbid-overwrite": "x_oss_forbid_overwrite",
}
"""What the form is sent with, and what the policy calls it."""


async def addresses(job: Job, http: Http) -> JsonObject:
    """Where the service finds each input file, by field: uploaded where it could not fetch it. Raises Refused."""
    found: JsonObject = {}
    for file in await job.media.all():
        place = file.url if file.reachable else await _uploaded(job, file, http)
        found.setdefault(file.field, []).append(place)
    return found


async def _uploaded(job: Job, file: MediaFile, http: Http) -> str:
    try:
        policy = await _policy(job, http)
        store = str(policy["upload_host"])
        name = f"{file.field}-{file.index}{mimetypes.guess_extension(file.media_type) or file.path.suffix}"
        place = f"{policy['upload_dir']}/{name}"
        fields = {sent: str(policy[name]) for sent, name in FIELDS.items()}
        put = await http.request(
            "POST",
            store,
            data=Form(
                {**fields, "key": place, "success_action_status": "200"},
                [FilePart("file", file.path, name, file.media_type)],
            ),
            timeout=UPLOAD_SECONDS,
            max_bytes=ANSWER_BYTES,
            fresh=True,
            trusted=urlsplit(store)[:2] == urlsplit(base(job.connection))[:2],
        )
    except (NetError, Unreadable) as error:
        message = f"{file.field} could not be uploaded to the upstream: {error}"
        raise Refused(FailKind.TRANSIENT, message) from error
    if put.status >= 300:
        raise Refused(FailKind.TRANSIENT, f"{file.field} could not be uploaded: HTTP {put.status}")
    return f"{SCHEME}{place}"


async def _policy(job: Job, http: Http) -> JsonObject:
    """Leave to upload, good for some minutes. Raises Refused, Unreadable or NetError."""
    asked = urlencode({"action": "getPolicy", "model": job.upstream_model})
    response = await http.request(
        "GET",
        address(job, f"/uploads?{asked}"),
        headers=key(job),
        timeout=POLICY_SECONDS,
        max_bytes=ANSWER_BYTES,
        trusted=True,
    )
    if response.status >= 300:
        raise not_taken(response, job.connection)
    policy = as_object(as_object(response.json()).get("data"))
    missing = {"upload_dir", "upload_host", *FIELDS.values()} - policy.keys()
    if missing or not is_address(policy["upload_host"]):
        raise Unreadable("the policy to upload with is incomplete")
    return policy
