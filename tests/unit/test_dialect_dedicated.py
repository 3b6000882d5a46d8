"""The dedicated dialects by themselves: what the wire tests cannot reach, such as lapsed files and odd failures."""

import json
from typing import Any

import msgspec
import pytest

from souk.catalog.load import load_catalog
from souk.dialects.aleph import Aleph
from souk.dialects.dedicated import Dedicated
from souk.dialects.flux_kontext import FluxKontext
from souk.dialects.gpt4o_image import Gpt4oImage
from souk.dialects.runway import Runway
from souk.dialects.shelf import Shelf
from souk.dialects.table import Dialects
from souk.dialects.veo import Veo
from souk.operations.records import Record
from souk.settings import WireBehaviour
from souk.store.outbox import END
from souk.words import Credits, FailKind, JsonObject, Mode, TaskId

DAY_MS = 86_400_000
CREATED = 1_772_100_000_000
ENDED = CREATED + 60_000
SHELF = Shelf(lambda: ENDED + 14 * DAY_MS, 14 * DAY_MS)
FAMILIES: list[Dedicated] = [Gpt4oImage(), FluxKontext(), Runway(SHELF), Aleph(), Veo()]

each_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def record(**changes: Any) -> Record:
    """A task that has succeeded, but for the changes."""
    plain = Record(
        task_id=TaskId("01a2030e9df57b818cf918b3fd7c4f5f"),
        model="runway",
        state="success",
        inner_state="success",
        mode=Mode.SANDBOX,
        dialect="runway",
        input={"prompt": "A fox"},
        callback_url=None,
        progress_url=None,
        client_task_id=None,
        result='{"resultUrls":["http://souk/f/a.mp4"],"coverUrl":"http://souk/f/a.png"}',
        fail_kind=None,
        fail_code=None,
        fail_message="",
        retryable=False,
        created_at=CREATED,
        updated_at=ENDED,
        completed_at=ENDED,
        progress=None,
        credits=Credits(0),
        connection=None,
        upstream_model=None,
        warnings=[],
    )
    return msgspec.structs.replace(plain, **changes)


def failed(kind: FailKind, **changes: Any) -> Record:
    return record(state="fail", result=None, fail_kind=kind, fail_message="It did not work", **changes)


def told(family: Dedicated, record: Record) -> JsonObject:
    return json.loads(family.callback(record, END).body)


def test_every_model_belongs_to_a_dialect_and_every_create_to_its_models() -> None:
    models = load_catalog().models
    assert {model.dialect for model in models.values()} == set(
        Dialects(WireBehaviour.DOCUMENTED, SHELF).table
    )
    for family in FAMILIES:
        for create in family.creates:
            assert {models[id].dialect for id in create.models} == {family.name}


@each_family
def test_a_failure_never_carries_the_code_of_success(family: Dedicated) -> None:
    assert told(family, failed(FailKind.TRANSIENT, fail_code=200))["code"] == 501


@each_family
def test_a_text_of_the_wire_does_not_hide_what_happened(family: Dedicated) -> None:
    body = json.loads(family.record(failed(FailKind.MODERATION)))
    assert body["data"]["error"] == {
        "code": "moderation",
        "retryable": False,
        "message": "It did not work",
    }


@each_family
def test_warnings_are_repeated_by_the_record(family: Dedicated) -> None:
    body = json.loads(family.record(record(warnings=["`x` was passed over"])))
    assert body["data"]["warnings"] == ["`x` was passed over"]


@pytest.mark.parametrize(("kind", "flag"), [(FailKind.INPUT_UNREACHABLE, 2), (FailKind.INTERNAL, 3)])
def test_the_flag_tells_whether_a_model_ever_worked_on_it(kind: FailKind, flag: int) -> None:
    for family in (FluxKontext(), Aleph(), Veo()):
        assert family.data(failed(kind))["successFlag"] == flag


def test_four_o_tells_it_by_its_status() -> None:
    seen = [Gpt4oImage().data(failed(kind)) for kind in (FailKind.INPUT_UNREACHABLE, FailKind.INTERNAL)]
    assert [data["successFlag"] for data in seen] == [2, 2]
    assert [data["status"] for data in seen] == ["CREATE_TASK_FAILED", "GENERATE_FAILED"]


@pytest.mark.parametrize(
    ("state", "shown"), [("waiting", "wait"), ("queuing", "queueing"), ("generating", "generating")]
)
def test_runway_spells_states_its_own_way(state: str, shown: str) -> None:
    assert Runway(SHELF).data(record(state=state, completed_at=None))["state"] == shown


@pytest.mark.parametrize(
    ("changes", "flag"), [({}, 1), ({"completed_at": ENDED + 1}, 0), ({"kept": True}, 0)]
)
def test_runway_says_when_the_files_are_gone_by_age(changes: dict[str, Any], flag: int) -> None:
    assert Runway(SHELF).data(record(**changes))["expireFlag"] == flag


def test_dates_are_written_as_each_api_writes_them() -> None:
    done = record()
    assert Runway(SHELF).data(done)["generateTime"] == "2026-02-26 10:01:00"
    assert FluxKontext().data(done)["completeTime"] == "2026-02-26T10:01:00Z"
    assert Veo().data(done)["completeTime"] == ENDED


def test_a_failed_4k_copy_has_its_own_words() -> None:
    copy = failed(FailKind.INTERNAL, model="veo-4k", input={"taskId": "t", "index": 0})
    text = "The 4K version of this video is unavailable. Please try a different video."
    assert told(Veo(), copy) == {"code": 500, "msg": text, "data": {"taskId": copy.task_id}}
