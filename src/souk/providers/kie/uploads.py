"""Handing KIE.AI the input files that it could not fetch by itself."""

import re

from souk.net.http import FilePart, Form, Http, NetError, Unreadable
from souk.providers.answers import is_address, quoted
from souk.providers.base import Job, MediaFile, Refused
from souk.providers.kie.envelope import BASE_URL, REFUSALS, read
from souk.words import FailKind

UPLOAD_URL = "https://kieai.redpandaai.co"
"""Uploads have a host of their own there; a self-hosted service with the same API serves both on one."""
UPLOAD_SECONDS = 300.0
ANSWER_BYTES = 1024 * 1024

EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/x-wav": ".wav",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
}


async def upload(job: Job, file: MediaFile, http: Http) -> str:
    """The address of the uploaded file. The same attempt uploads to the same name. Raises Refused."""
    base = job.connection.base_url or BASE_URL
    uploads = job.connection.options.get("upload_url") or (UPLOAD_URL if base == BASE_URL else base)
    stem = re.sub(r"[^a-zA-Z0-9]+", "-", file.field).strip("-")
    name = f"{stem}-{file.index}{EXTENSIONS.get(file.media_type, file.path.suffix)}"
    fields = {"uploadPath": f"souk/{job.attempt_id}", "fileName": name}
    try:
        response = await http.request(
            "POST",
            f"{uploads}/api/file-stream-upload",
            headers={"Authorization": f"Bearer {job.connection.api_key}"},
            data=Form(fields, [FilePart("file", file.path, name, file.media_type)]),
            timeout=UPLOAD_SECONDS,
            max_bytes=ANSWER_BYTES,
            fresh=True,
            trusted=True,
        )
        answer = read(response)
    except (NetError, Unreadable) as error:
        message = f"{file.field} could not be uploaded to the upstream: {error}"
        raise Refused(FailKind.TRANSIENT, message) from error
    address = answer.record.get("downloadUrl")
    if answer.code == 200 and is_address(address):
        return str(address)
    said = quoted(answer.message, job.connection.api_key)
    raise Refused(
        REFUSALS.get(answer.code, FailKind.TRANSIENT),
        f"{file.field} could not be uploaded to the upstream: {said}",
        f"{answer.code} {said}",
        answer.retry_after,
    )
