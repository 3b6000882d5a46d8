"""Nothing of the compatible wire is left unshown: each call of its list has a test that goes from request to record."""

from collections.abc import Callable
from typing import Any

import pytest

from souk.app import asgi
from tests.wire import (
    test_chat_answers,
    test_dedicated,
    test_downloads,
    test_jobs,
    test_jobs_more,
    test_suno,
    test_suno_direct,
    test_suno_tools,
    test_uploads,
)
from tests.wire.dedicated import OPERATIONS
from tests.wire.serving import Souk
from tests.wire.suno import CREATES, RECORD
from tests.wire.suno_tools import TOOLS

Call = tuple[str, str]
Test = Callable[..., Any]

CHAT = "/{model}/v1/chat/completions"
MUSIC = "/api/v1/generate"

CHATTING = (
    "gpt-5-2",
    "gemini-3-pro",
    "gemini-2.5-flash",
    "gemini-2.5-pro",
    "claude-sonnet-4-5",
    "claude-opus-4-5",
)
"""Models the original lists with a path of their own."""

LINES: dict[str, Call] = {
    "task details": ("GET", "/api/v1/jobs/recordInfo"),
    "remaining credits": ("GET", "/api/v1/chat/credit"),
    "download link": ("POST", "/api/v1/common/download-url"),
    "upload as base64": ("POST", "/api/file-base64-upload"),
    "upload from an address": ("POST", "/api/file-url-upload"),
    "upload as a stream": ("POST", "/api/file-stream-upload"),
    "4o image": ("POST", "/api/v1/gpt4o-image/generate"),
    "4o image details": ("GET", "/api/v1/gpt4o-image/record-info"),
    "4o direct link": ("POST", "/api/v1/gpt4o-image/download-url"),
    "Kontext image": ("POST", "/api/v1/flux/kontext/generate"),
    "Kontext image details": ("GET", "/api/v1/flux/kontext/record-info"),
    "Runway video": ("POST", "/api/v1/runway/generate"),
    "Runway video details": ("GET", "/api/v1/runway/record-detail"),
    "Runway extension": ("POST", "/api/v1/runway/extend"),
    "Aleph video": ("POST", "/api/v1/aleph/generate"),
    "Aleph video details": ("GET", "/api/v1/aleph/record-info"),
    "Veo video": ("POST", "/api/v1/veo/generate"),
    "Veo extension": ("POST", "/api/v1/veo/extend"),
    "Veo video details": ("GET", "/api/v1/veo/record-info"),
    "Veo in 1080p": ("GET", "/api/v1/veo/get-1080p-video"),
    "Veo in 4K": ("POST", "/api/v1/veo/get-4k-video"),
    "music": ("POST", MUSIC),
    "music extension": ("POST", f"{MUSIC}/extend"),
    "cover version of an upload": ("POST", f"{MUSIC}/upload-cover"),
    "extension of an upload": ("POST", f"{MUSIC}/upload-extend"),
    "instruments under a voice": ("POST", f"{MUSIC}/add-instrumental"),
    "a voice over instruments": ("POST", f"{MUSIC}/add-vocals"),
    "music details": ("GET", f"{MUSIC}/record-info"),
    "timed lyrics": ("POST", f"{MUSIC}/get-timestamped-lyrics"),
    "style boost": ("POST", "/api/v1/style/generate"),
    "music cover": ("POST", "/api/v1/suno/cover/generate"),
    "music cover details": ("GET", "/api/v1/suno/cover/record-info"),
    "section anew": ("POST", f"{MUSIC}/replace-section"),
    "persona": ("POST", f"{MUSIC}/generate-persona"),
    "mashup": ("POST", f"{MUSIC}/mashup"),
    "sounds": ("POST", f"{MUSIC}/sounds"),
    "lyrics": ("POST", "/api/v1/lyrics"),
    "lyrics details": ("GET", "/api/v1/lyrics/record-info"),
    "WAV": ("POST", "/api/v1/wav/generate"),
    "WAV details": ("GET", "/api/v1/wav/record-info"),
    "stems": ("POST", "/api/v1/vocal-removal/generate"),
    "stem details": ("GET", "/api/v1/vocal-removal/record-info"),
    "MIDI": ("POST", "/api/v1/midi/generate"),
    "MIDI details": ("GET", "/api/v1/midi/record-info"),
    "music video": ("POST", "/api/v1/mp4/generate"),
    "music video details": ("GET", "/api/v1/mp4/record-info"),
    "chat": ("POST", CHAT),
}
"""Every call the original lists beside its Market, in words of our own, and the sounds that joined it later."""

TABLES: dict[Call, Test] = {
    **{
        ("POST", path): test_dedicated.test_a_success_is_recorded_and_told_as_documented
        for path in OPERATIONS
    },
    **{
        ("GET", operation.record): test_dedicated.test_a_failure_is_recorded_and_told_as_documented
        for operation in OPERATIONS.values()
    },
    **{
        ("POST", path): test_suno.test_each_stage_is_told_in_order_and_the_record_shows_the_end
        for path in CREATES
    },
    ("GET", RECORD): test_suno.test_the_record_passes_through_the_stages,
    **{("POST", path): test_suno_tools.test_a_success_is_recorded_and_told_as_documented for path in TOOLS},
    **{
        (
            "GET",
            tool.record,
        ): test_suno_tools.test_a_waiting_task_and_its_failure_are_recorded_and_told_as_documented
        for tool in TOOLS.values()
    },
}
"""Calls that the rows of a table show, with the test that goes through it: answer, record, callback and failure."""

ALONE: dict[Call, Test] = {
    ("GET", "/api/v1/jobs/recordInfo"): test_jobs.test_a_created_task_waits_in_the_documented_form,
    ("GET", "/api/v1/chat/credit"): test_jobs_more.test_the_balance_is_a_bare_number,
    ("POST", "/api/v1/common/download-url"): test_downloads.test_a_result_can_be_saved_by_a_signed_link,
    ("POST", "/api/file-base64-upload"): test_uploads.test_a_base64_upload_is_served_and_used_by_a_task,
    ("POST", "/api/file-url-upload"): test_uploads.test_a_url_upload_is_served_and_used_by_a_task,
    ("POST", "/api/file-stream-upload"): test_uploads.test_a_stream_upload_is_served_and_used_by_a_task,
    (
        "POST",
        "/api/v1/gpt4o-image/download-url",
    ): test_dedicated.test_a_direct_link_of_a_picture_can_be_fetched,
    (
        "GET",
        "/api/v1/veo/get-1080p-video",
    ): test_dedicated.test_the_1080p_copy_is_begun_once_and_then_answered,
    (
        "POST",
        "/api/v1/veo/get-4k-video",
    ): test_dedicated.test_the_4k_copy_is_begun_once_told_and_then_answered,
    ("POST", f"{MUSIC}/get-timestamped-lyrics"): test_suno_direct.test_words_are_timed_inside_the_track,
    ("POST", "/api/v1/style/generate"): test_suno_direct.test_a_style_is_spelt_out_at_once,
    (
        "POST",
        f"{MUSIC}/generate-persona",
    ): test_suno_direct.test_a_track_gives_one_persona_that_songs_can_name,
    ("POST", CHAT): test_chat_answers.test_models_own_path_streams_by_default,
}
"""Calls that a test of their own shows."""


@pytest.mark.parametrize("line", LINES)
def test_every_line_is_shown_from_request_to_answer(line: str) -> None:
    call = LINES[line]
    assert call in TABLES or call in ALONE


def test_what_is_said_to_show_a_call_is_a_test() -> None:
    shown = {test.__name__ for test in (*TABLES.values(), *ALONE.values())}
    assert [name for name in shown if not name.startswith("test_")] == []


async def test_every_line_is_served(souk: Souk) -> None:
    table = asgi(souk.house).table()
    assert [line for line, call in LINES.items() if call not in table] == []


@pytest.mark.parametrize("model", CHATTING)
async def test_every_listed_model_chats_at_its_own_path(souk: Souk, model: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}], "stream": False}
    answer = (await souk.client.post(CHAT.format(model=model), body)).body
    assert (answer["object"], answer["model"]) == ("chat.completion", model)
    (choice,) = answer["choices"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    assert choice["message"]["content"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert answer["credits_consumed"] >= 0
