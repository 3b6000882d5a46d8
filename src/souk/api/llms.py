"""``/llms.txt``: the server in a page of plain text, for a language model that is to write a client."""

from collections.abc import Iterable, Mapping

from souk.words import JsonObject

_PAGE = """\
# Souk

A self-hosted market of generative models for image, video and audio behind one task API. Its wire is compatible with
KIE.AI: a client of that service works with the base URL {url}

## How to run a model

Every call needs the header `Authorization: Bearer <key>`. Answers are JSON `{{"code", "msg", "data"}}`; HTTP is
200 even when `code` is not. Code 200 means success; otherwise `msg` and `error` (`code`, `field`, `retryable`)
say what is wrong.

1. Create: POST {url}/api/v1/jobs/createTask
   {{"model": "z-image", "input": {{"prompt": "A lighthouse in fog", "aspect_ratio": "16:9"}}}}
   Answer: data.taskId. Optional: `callBackUrl` in the body, header `Idempotency-Key`.
2. Ask: GET {url}/api/v1/jobs/recordInfo?taskId=<taskId>&wait=60
   `wait` holds the answer until the task ends, for at most 60 seconds. Repeat until data.state is success or fail.
3. Take: data.resultJson is JSON text; its `resultUrls` are links of the files, which need no key. Models of text and
   data have `resultObject`. On `fail` read data.failCode and data.failMsg.

Also: GET {url}/api/v1/models/<model> (input schema, price, example), GET {url}/api/v1/chat/credit (credits left),
POST {url}/api/v1/jobs/estimate (what a create would cost), POST {url}/api/v1/jobs/cancelTask.
Chat models are asked as their makers document it, at POST {url}/v1/chat/completions or {url}/v1/responses (OpenAI),
{url}/v1/messages (Anthropic) or {url}/v1beta/models/<model>:generateContent (Google). GET {url}/v1/models lists them.
Input files are addresses. To send your own: POST {url}/api/file-stream-upload, a form with `file` and `uploadPath`
(a folder such as images); data.downloadUrl is the address to name.
Without a connection to an upstream every model runs in a sandbox that makes marked placeholder files.

- [OpenAPI 3.1]({url}/openapi.json): every call, and the input schema of every model
- [Page for people]({url}/docs)

## Models

"""


_OWN_CALLS = """
## Models with calls of their own

Create: POST to the first path; the body holds the fields of `input` directly, and `model` where several models share a
path. State and result: GET the second path with `?taskId=`; where there is one path, its answer is the result. The
shapes are in openapi.json.

"""


def llms(models: Iterable[JsonObject], url: str, own_calls: Mapping[str, tuple[str, ...]]) -> str:
    """The text. ``models`` are full descriptions, ``url`` is the server's address.

    ``own_calls`` are the paths of create and record of the models that ``createTask`` does not run, or of the one call
    that answers with the result.
    """
    market: list[str] = []
    own: list[str] = []
    for model in models:
        paths = own_calls.get(str(model["model"]))
        if paths is None:
            market.append(_line(model))
        else:
            own.append(_line(model, f" ({', '.join(paths)})"))
    text = _PAGE.format(url=url) + "".join(market)
    return text + _OWN_CALLS + "".join(own) if own else text


def _line(model: JsonObject, calls: str = "") -> str:
    required: list[str] = model["input"].get("required", [])
    needs = f" Needs {', '.join(required)}." if required else ""
    kinds: list[str] = model["taskType"]
    return f"- {model['model']}{calls}: {', '.join(kinds)} by {model['provider']}; {model['pricingDesc']}.{needs}\n"
