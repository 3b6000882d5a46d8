"""The File Upload API, the links of its files, and the links that save a file, in words."""

from souk.api.openapi.operation import Operation
from souk.api.openapi.server import NO_FILE, file_at
from souk.api.openapi.shapes import JSON, answer, in_query, json_body, ref, text, thing, whole
from souk.dialects import uploads as wire
from souk.operations.types import Reason
from souk.words import JsonObject

TAG = "Files"
_PLACE: JsonObject = {
    "uploadPath": text("The folder, without a slash at either end.", examples=["images/inputs"]),
    "fileName": text("The name. The same folder and name replace a file. Absent: a random name."),
}
_STORED = thing(
    {
        "success": {"const": True},
        "fileName": text(),
        "filePath": text("The path of the link."),
        "downloadUrl": text("The link. Inputs of tasks may name it."),
        "fileSize": whole("Bytes."),
        "mimeType": text("What the bytes are, whatever was said of them."),
        "uploadedAt": text("The moment in ISO 8601, in UTC."),
    }
)
SCHEMAS: JsonObject = {
    "Uploaded": thing(
        {"success": {"const": True}, "code": {"const": 200}, "msg": text(), "data": _STORED},
        "An upload that went well.",
    ),
    "UploadFailure": thing(
        {
            "success": {"const": False},
            "code": whole("The HTTP status.", minimum=400, maximum=599),
            "msg": text("The wire's words for it."),
            "data": {"type": "null"},
            "error": ref("Problem"),
        },
        "An upload that was refused and left nothing.",
    ),
}
_ANSWERS: JsonObject = {
    "200": answer("The file is stored, and its link works.", JSON, ref("Uploaded")),
    "400": answer("What was sent is no upload; `msg` says why.", JSON, ref("UploadFailure")),
    "401": answer("No key, or a wrong one.", JSON, ref("UploadFailure")),
    "405": answer("Another method.", JSON, ref("UploadFailure")),
    "429": answer("Try again shortly.", JSON, ref("UploadFailure")),
    "500": answer("A fault of the server.", JSON, ref("UploadFailure")),
}


def _upload(path: str, name: str, summary: str, description: str, body: JsonObject) -> Operation:
    return Operation("POST", path, name, TAG, summary, description, body=body, answers=_ANSWERS)


def _body(properties: JsonObject, example: JsonObject) -> JsonObject:
    return json_body(
        thing({**properties, **_PLACE}, optional=("fileName",)), examples={"file": {"value": example}}
    )


OPERATIONS = (
    _upload(
        wire.BASE64_PATH,
        "uploadBase64",
        "Upload a small file as text",
        "For files up to about 10 MB.",
        _body(
            {"base64Data": text("Base64, bare or as a `data:` URI.")},
            {"base64Data": "data:image/png;base64,iVBORw0KGgo=", "uploadPath": "images", "fileName": "a.png"},
        ),
    ),
    _upload(
        wire.URL_PATH,
        "uploadUrl",
        "Upload a file from an address",
        "The file is fetched within 30 seconds. Without `fileName` it is called as in the address.",
        _body(
            {"fileUrl": text("An http or https address.")},
            {"fileUrl": "https://assets.example/a.jpg", "uploadPath": "images", "fileName": "a.jpg"},
        ),
    ),
    _upload(
        wire.STREAM_PATH,
        "uploadStream",
        "Upload a file as part of a form",
        "The way for large files: it goes to disk as it comes in.",
        {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": thing({"file": text(format="binary"), **_PLACE}, optional=("fileName",))
                }
            },
        },
    ),
    file_at("/kieai/{path:path}", "getUpload", "Get an uploaded file", "0123456789ab/images/cat.png"),
    Operation(
        "POST",
        "/api/v1/common/download-url",
        "downloadUrl",
        TAG,
        "Get a link that saves a file",
        "For a result or upload of the account. The link works for 20 minutes.",
        body=json_body(thing({"url": text("The file's own link.")})),
        data=text("The link."),
        refusals=(Reason.UNKNOWN_FILE,),
    ),
    file_at(
        "/d/{path:path}",
        "saveFile",
        "Save a stored file",
        "a91aebff21aa/4052b0b3.png",
        more=(
            in_query("expires", text(), "When the link ends, in seconds since 1970.", required=True),
            in_query("sig", text(), "The link's signature.", required=True),
        ),
        answers={"403": answer("The link's time is over, or its signature is wrong.", JSON, NO_FILE)},
    ),
)
