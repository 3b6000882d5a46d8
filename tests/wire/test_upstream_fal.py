"""A task on fal.ai, from its create to its file."""

from pathlib import Path

from tests.upstreams.fal import FakeFal
from tests.wire.serving import open_souk

MODEL = "qwen/text-to-image"


async def test_picture_is_made_and_kept_and_a_failure_is_free(tmp_path: Path) -> None:
    with FakeFal() as fal:
        env = {"FAL_KEY": fal.key, "SOUK_FAL_BASE_URL": fal.url, "SOUK_FAL_UPLOAD_URL": fal.url}
        models = {MODEL: {"usual_seconds": 0.2}}
        async with open_souk(tmp_path, engine=True, env=env, models=models) as souk:
            before = (await souk.client.get("/api/v1/chat/credit")).data
            bad = await souk.client.create({"model": MODEL, "input": {"prompt": "A tram [up:moderated]"}})
            record = await souk.client.record(bad, wait=30)
            assert (record["state"], record["failCode"]) == ("fail", "400")
            assert (await souk.client.get("/api/v1/chat/credit")).data == before
            good = await souk.client.create({"model": MODEL, "input": {"prompt": "A tram"}})
            assert (await souk.client.record(good, wait=30))["state"] == "success"
        assert fal.complaints == []
        assert [submit.prompt for submit in fal.submits] == ["A tram [up:moderated]", "A tram"]
