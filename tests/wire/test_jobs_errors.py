"""What the Jobs API answers when it refuses: HTTP 200, the market's code and words, and more for programs."""

from pathlib import Path
from typing import Any

from tests.wire.serving import CHEAP, CREATE, NO_TASK, RECORD, Client, Reply, Souk, open_souk

UNAUTHORIZED = (
    "Unauthorized – Authentication failed. "
    "Please check that your Authorization and Content-Type headers are correctly set."
)
NO_MODEL = (
    "The model name you specified is not supported. "
    "Please verify your input and use one of the supported models provided by KIE."
)


async def created(souk: Souk, **changes: Any) -> Reply:
    return await souk.client.post(CREATE, {**CHEAP, **changes})


def is_refusal(reply: Reply, code: int, text: str) -> bool:
    """Whether the reply has the whole form of a refusal, at HTTP 200."""
    assert list(reply.body) == ["code", "msg", "data", "error"]
    assert reply.body["data"] is None
    assert reply.error["requestId"] == reply.headers["x-request-id"]
    return (reply.status, reply.code, reply.body["msg"]) == (200, code, text)


async def test_a_missing_or_wrong_key_gets_401(souk: Souk) -> None:
    for key in ("", "no-such-key", "x" * 600):
        stranger = Client(souk.client.session, souk.client.url, key)
        assert is_refusal(await stranger.post(CREATE, CHEAP), 401, UNAUTHORIZED), key
        assert is_refusal(await stranger.get(RECORD, taskId=NO_TASK), 401, UNAUTHORIZED), key


async def test_a_key_without_its_scheme_is_told_how_to_be_sent(souk: Souk) -> None:
    bare = {"Authorization": souk.client.key}
    reply = await souk.client.call("GET", "/api/v1/chat/credit", headers=bare)
    assert is_refusal(reply, 401, UNAUTHORIZED)
    assert reply.error["message"] == "No API key was found; send it as Authorization: Bearer <key>"


async def test_the_key_is_checked_before_the_body_is_read(souk: Souk) -> None:
    stranger = Client(souk.client.session, souk.client.url, "no-such-key")
    assert (await stranger.post(CREATE, b"{")).code == 401


async def test_an_unknown_model_gets_the_nearest_name(souk: Souk) -> None:
    reply = await created(souk, model="nano-bananapro")
    assert is_refusal(reply, 422, NO_MODEL + ' Did you mean "nano-banana-pro"?')
    assert reply.error["allowed"] == ["nano-banana-pro"]


async def test_a_model_like_no_other_gets_the_plain_text(souk: Souk) -> None:
    assert is_refusal(await created(souk, model="zzzzzzzzzzzz"), 422, NO_MODEL)


async def test_a_model_of_another_api_is_sent_there(souk: Souk) -> None:
    told = NO_MODEL + " veo3_fast is not created here but through the API called veo"
    assert is_refusal(await created(souk, model="veo3_fast"), 422, told)


async def test_a_task_of_another_api_is_told_from_an_unknown_one_to_its_owner(souk: Souk) -> None:
    market = await souk.client.create()
    veo = (await souk.client.post("/api/v1/veo/generate", {"prompt": "A kite"})).data["taskId"]
    for path, task_id, api in (
        (RECORD, veo, "veo"),
        ("/api/v1/veo/record-info", market, "jobs"),
        ("/api/v1/generate/record-info", market, "jobs"),
        ("/api/v1/wav/record-info", veo, "veo"),
    ):
        told = f"recordInfo is null: this task was created through the API called {api}, whose record call has it"
        assert is_refusal(await souk.client.get(path, taskId=task_id), 422, told)
        assert (await souk.client.get(path, taskId=NO_TASK)).body["msg"] in ("recordInfo is null", "success")


async def test_the_model_is_checked_before_the_input(souk: Souk) -> None:
    assert (await created(souk, model="zzzzzzzzzzzz", input={})).error["code"] == "unknown_model"


async def test_fields_of_the_model_beside_the_input_are_sent_inside(souk: Souk) -> None:
    flat = {"model": CHEAP["model"], **CHEAP["input"]}
    reply = await souk.client.post(CREATE, flat)
    told = "This field is required: input; the model's fields go inside it (beside it: prompt)"
    assert is_refusal(reply, 422, told)
    assert reply.error["field"] == "input"


async def test_a_missing_field_is_named(souk: Souk) -> None:
    reply = await created(souk, input={})
    assert is_refusal(reply, 422, "This field is required: prompt")
    assert reply.error["field"] == "prompt"


async def test_a_wrong_value_gets_the_allowed_ones(souk: Souk) -> None:
    reply = await created(souk, input={"prompt": "x", "aspect_ratio": "16:8"})
    assert (reply.code, reply.error["field"]) == (422, "aspect_ratio")
    assert "16:9" in reply.error["allowed"]
    assert "16:9" in reply.body["msg"]


async def test_a_misspelt_callback_is_refused(souk: Souk) -> None:
    reply = await created(souk, callbackUrl="http://127.0.0.1:9/hook")
    assert (reply.code, reply.error["field"]) == (422, "callbackUrl")
    assert "callBackUrl" in reply.body["msg"]


async def test_a_callback_to_a_metadata_address_is_refused(souk: Souk) -> None:
    reply = await created(souk, callBackUrl="http://169.254.169.254/latest")
    assert (reply.code, reply.error["code"]) == (422, "blocked_address")


async def test_too_few_credits_get_402_and_make_no_task(tmp_path: Path) -> None:
    async with open_souk(tmp_path, initial_credits=1) as souk:
        reply = await created(souk)
        text = (
            "Credits insufficient : Your current balance isn't enough to run this request. "
            "Please top up to continue."
        )
        assert is_refusal(reply, 402, text)
        assert (await souk.client.get("/api/v1/jobs/list")).data["tasks"] == []


async def test_a_paused_model_gets_505(tmp_path: Path) -> None:
    async with open_souk(tmp_path, models={CHEAP["model"]: {"paused": True}}) as souk:
        assert is_refusal(await created(souk), 505, "This interface is temporarily paused.")


async def test_an_unknown_task_gets_422(souk: Souk) -> None:
    assert is_refusal(await souk.client.get(RECORD, taskId=NO_TASK), 422, "recordInfo is null")


async def test_an_impossible_id_is_an_unknown_one(souk: Souk) -> None:
    for task_id in ("x", "\0", "' OR 1=1", "é" * 16, "a" * 10_000, NO_TASK.upper()):
        reply = await souk.client.get(RECORD, taskId=task_id)
        assert is_refusal(reply, 422, "recordInfo is null"), task_id


async def test_a_record_call_without_an_id_gets_400(souk: Souk) -> None:
    for query in ({}, {"taskId": ""}, {"taskid": NO_TASK}):
        assert is_refusal(await souk.client.get(RECORD, **query), 400, "taskId parameter is required"), query


async def test_a_wait_must_be_a_number_of_seconds(souk: Souk) -> None:
    for wait in ("x", "-1", "nan"):
        reply = await souk.client.get(RECORD, taskId=NO_TASK, wait=wait)
        assert (reply.code, reply.error["field"]) == (422, "wait"), wait


async def test_an_unreadable_body_gets_400(souk: Souk) -> None:
    for body in (b"", b"{", b"[]", b"null", b'{"model":"\xff"}', rb'{"model":"\u0000"}'):
        reply = await souk.client.post(CREATE, body)
        assert (reply.status, reply.code, reply.error["code"]) == (200, 400, "malformed_body"), body
