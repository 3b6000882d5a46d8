"""What Suno's tools make of a song, decoded: the same song, in parts, in another file, on a screen, as notes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from tests.wire.serving import Client, open_souk
from tests.wire.suno_tools import TOOLS, ended, music

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "http://127.0.0.1:9/"
RATE = 44_100
SECONDS = 10.0
NOISE = 0.12
"""Share of a song's loudness that the compression of its file (128 kbit/s) may add as noise; it adds about 0.08."""

Sound = np.ndarray[Any, Any]


@dataclass
class Song:
    """A song of a finished task, and the server that has it."""

    client: Client
    folder: Path
    task_id: str
    audio_id: str
    sound: Sound

    async def tool(self, path: str, **more: Any) -> dict[str, Any]:
        """The record of a new task of a tool, once it has ended well."""
        given = {"taskId": self.task_id, "audioId": self.audio_id, "callBackUrl": NOWHERE, **more}
        body = {name: value for name, value in given.items() if value is not None}
        task_id = (await self.client.post(path, body)).data["taskId"]
        data = await ended(self.client, TOOLS[path].record, task_id)
        assert data["successFlag"] in ("SUCCESS", 1), data
        return data

    async def heard(self, url: str) -> Sound:
        """A file's samples for both ears."""
        return heard(await fetched(self.client, url, self.folder))


async def fetched(client: Client, url: str, folder: Path) -> Path:
    path = folder / url.rpartition("/")[2]
    async with client.session.get(url) as answer:
        path.write_bytes(await answer.read())
    return path


def heard(path: Path) -> Sound:
    import av
    from av.audio.resampler import AudioResampler

    with av.open(str(path)) as file:
        resampler = AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def loudness(sound: Sound) -> float:
    return float(np.sqrt((sound**2).mean()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def song(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Song]:
    folder = tmp_path_factory.mktemp("suno-media")
    async with open_souk(folder / "data", engine=True, initial_credits=10_000) as souk:
        task_id, (_, second) = await music(souk.client, NOWHERE)
        data = await ended(souk.client, "/api/v1/generate/record-info", task_id)
        url = data["response"]["sunoData"][1]["audioUrl"]
        sound = heard(await fetched(souk.client, url, folder))
        yield Song(souk.client, folder, task_id, second, sound)


@pytest.mark.parametrize("kind", ["separate_vocal", "split_stem"])
async def test_stems_add_up_to_the_song(song: Song, kind: str) -> None:
    response = (await song.tool("/api/v1/vocal-removal/generate", type=kind))["response"]
    stems = [await song.heard(stem["audio_url"]) for stem in response["originData"]]
    assert len(stems) == 2 if kind == "separate_vocal" else len(stems) > 2
    assert {stem.shape for stem in stems} == {song.sound.shape}
    together = np.sum(stems, axis=0)
    assert loudness(song.sound) > 0.01
    assert loudness(together - song.sound) < NOISE * loudness(song.sound)
    assert np.sum(together * song.sound) / np.sum(song.sound**2) == pytest.approx(1, abs=0.04)


async def test_every_stem_stands_under_its_own_key_and_sounds(song: Song) -> None:
    response = (await song.tool("/api/v1/vocal-removal/generate", type="split_stem"))["response"]
    listed = {stem["audio_url"] for stem in response["originData"]}
    named = {url for key, url in response.items() if key.endswith("Url") and url}
    assert listed == named
    assert response["instrumentalUrl"] is None
    for url in listed:
        assert loudness(await song.heard(url)) > 0


async def test_the_wav_is_the_song_without_loss(song: Song) -> None:
    url = (await song.tool("/api/v1/wav/generate"))["response"]["audioWavUrl"]
    wav = await song.heard(url)
    assert wav.shape == song.sound.shape
    assert np.abs(wav - song.sound).max() < 2 / 32768


async def test_the_clip_sounds_like_the_song_and_is_as_long(song: Song) -> None:
    import av

    url = (await song.tool("/api/v1/mp4/generate", author="Harbor Alto"))["response"]["videoUrl"]
    path = await fetched(song.client, url, song.folder)
    with av.open(str(path)) as file:
        pictures = sum(1 for _ in file.decode(video=0))
        rate = file.streams.video[0].average_rate
    assert rate
    assert pictures / float(rate) == pytest.approx(SECONDS, abs=0.2)
    clip = heard(path)
    count = min(clip.shape[1], song.sound.shape[1])
    assert count / RATE == pytest.approx(SECONDS, abs=0.2)
    both = np.corrcoef(clip[0, :count], song.sound[0, :count])[0, 1]
    assert both > 0.98


async def test_notes_lie_where_the_stem_sounds(song: Song) -> None:
    separated = await song.tool("/api/v1/vocal-removal/generate", type="split_stem")
    stems = separated["response"]["originData"]
    notes = await song.tool("/api/v1/midi/generate", taskId=separated["taskId"], audioId=None)
    names = [instrument["name"] for instrument in notes["midiData"]["instruments"]]
    assert names == [stem["stem_type_group_name"] for stem in stems]
    bass = next(stem for stem in stems if stem["stem_type_group_name"] == "Bass")
    one = await song.tool("/api/v1/midi/generate", taskId=separated["taskId"], audioId=bass["id"])
    assert one["audioId"] == bass["id"]
    (instrument,) = one["midiData"]["instruments"]
    assert instrument["name"] == "Bass"
    sound = await song.heard(bass["audio_url"])
    sounding = [
        loudness(sound[:, round(note["start"] * RATE) : round(note["end"] * RATE)])
        for note in instrument["notes"]
    ]
    assert min(sounding) > 0.2 * loudness(sound)


async def test_notes_of_voice_and_the_rest_are_those_of_all_instruments(song: Song) -> None:
    found: list[set[str]] = []
    for kind in ("separate_vocal", "split_stem"):
        separated = await song.tool("/api/v1/vocal-removal/generate", type=kind)
        notes = await song.tool("/api/v1/midi/generate", taskId=separated["taskId"], audioId=None)
        found.append({instrument["name"] for instrument in notes["midiData"]["instruments"]})
    assert found[0] == found[1]


async def test_covers_are_square_pictures_that_differ(song: Song) -> None:
    from PIL import Image

    images = (await song.tool("/api/v1/suno/cover/generate"))["response"]["images"]
    pictures = [Image.open(await fetched(song.client, url, song.folder)).convert("L") for url in images]
    assert [picture.size for picture in pictures] == [(1024, 1024)] * 2
    first, second = (np.asarray(picture).astype(int) for picture in pictures)
    assert np.abs(first - second).mean() > 2
