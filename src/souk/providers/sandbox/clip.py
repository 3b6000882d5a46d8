"""Clip jobs: what moves, what sounds and what is written over it, by what the job gives and asks."""

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from souk.providers.children.given import Given
from souk.providers.children.results import Made, extra_files, filled
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.audio_file import read_sound
from souk.providers.sandbox.caption import OVER_GIVEN, OVER_PAINTED
from souk.providers.sandbox.edit import cover, open_picture
from souk.providers.sandbox.effects import bed
from souk.providers.sandbox.film import SOUND_RATE, Film, Frame, Sheet
from souk.providers.sandbox.footage import Facts, footage, measure
from souk.providers.sandbox.motion import pan_frames, scene_frames
from souk.providers.sandbox.overlay import Overlay
from souk.providers.sandbox.palette import choose_palette
from souk.providers.sandbox.picture import seed_of
from souk.providers.sandbox.sizes import Size, length, video_size
from souk.providers.sandbox.stamp import save_picture
from souk.providers.sandbox.voice import Samples, Voice, speak

DEFAULT_FPS = 24.0
FPS_RANGE = (4.0, 60.0)
PLAIN_TASKS = frozenset({"upscale", "watermark-removal", "lip-sync", "video-extend"})
"""Tasks that leave a given clip's colours and rate as they are."""
SPEAKING_TASKS = frozenset({"avatar", "lip-sync", "speech-to-video"})
QUOTED = re.compile(r"[\"“「]([^\"”」]{2,300})[\"”」]")


@dataclass(frozen=True, slots=True)
class Plan:
    """A clip before its first frame."""

    size: Size
    fps: float
    frames: int
    sound: Samples | None


def make_clips(ask: Ask) -> Made:
    """Do a clip job. Raises CannotUse."""
    made = Made()
    extension = str(ask.output.get("extension") or "mp4")
    ends: tuple[Frame, Frame] | None = None
    for number in range(ask.count):
        seed = seed_of(ask.seed, number) if number else ask.seed
        path = ask.folder / f"{number}.{extension if extension in ('mp4', 'mov') else 'mp4'}"
        media_type, ends = _write(ask, seed, path)
        made.add(path, media_type)
    if ask.task == "video-extend":
        made.seconds = _seconds(ask)  # the client pays for what was added
    count = len(made.files)
    made.result = filled(ask.output, count)
    for number, key in sorted(extra_files(ask.output, count).items()):
        _add_extra(ask, made, number, key, ends)
    if ask.extras.get("last_frame") and "lastFrameUrl" not in made.result:
        made.result["lastFrameUrl"] = [{"$file": len(made.files)}]
        _add_extra(ask, made, len(made.files), "lastFrameUrl", ends)
    return made


def _add_extra(ask: Ask, made: Made, number: int, key: str, ends: tuple[Frame, Frame] | None) -> None:
    """A file beside the clip: its first or last picture, or a second copy (the one with a watermark)."""
    word = key.lower()
    if ends and ("first" in word or "last" in word or "cover" in word):
        frame = ends[1] if "last" in word else ends[0]
        made.add(*save_picture(frame.picture(), ask.folder, str(number), "png"))
        return
    source, media_type = made.files[0]
    made.add(Path(shutil.copyfile(source, ask.folder / f"{number}{source.suffix}")), media_type)


def _write(ask: Ask, seed: int, path: Path) -> tuple[str, tuple[Frame, Frame]]:
    plan = _plan(ask, seed)
    captioned = ask.task not in ("upscale", "watermark-removal")
    voice = plan.sound if ask.task in SPEAKING_TASKS else None
    overlay = Overlay(
        plan.size, plan.fps, ask.words if captioned else "", OVER_GIVEN if ask.media else OVER_PAINTED, voice
    )
    first = last = None
    with Film(path, plan.size, plan.fps, plan.sound) as film:
        for number, frame in enumerate(_frames(ask, seed, plan)):
            overlay.lay_on(frame, number)
            film.write(frame)
            first, last = first or frame, frame
    assert first and last  # noqa: S101 -- a plan has at least one frame
    return film.media_type, (first, last)


def _plan(ask: Ask, seed: int) -> Plan:
    lead = ask.followed("follow", ("video", "image")) or next(iter(ask.of_kind("video")), None)
    facts = measure(lead) if lead and lead.kind == "video" else None
    followed = facts.size if facts else open_picture(lead).size if lead else None
    size = video_size(ask.output, followed)
    own_fps = facts.fps if facts and ask.task in PLAIN_TASKS else None
    fps = min(FPS_RANGE[1], max(FPS_RANGE[0], float(own_fps or ask.output.get("fps") or DEFAULT_FPS)))
    seconds = _seconds(ask)
    extended = ask.task == "video-extend" and facts is not None and lead is not None
    if extended and facts:
        seconds += facts.seconds
    frames = max(1, round(seconds * fps))
    return Plan(size, fps, frames, _sound(ask, seed, frames / fps, facts, extended))


def _seconds(ask: Ask) -> float:
    shots = [line.seconds for line in ask.lines if line.seconds]
    if ask.output.get("seconds") is None and shots and not ask.output.get("seconds_follow"):
        return sum(shots)
    given = ask.followed("seconds_follow", ("audio", "video"))
    return length(ask.output, measure(given).seconds if given else None)


def _sound(ask: Ask, seed: int, seconds: float, facts: Facts | None, extended: bool) -> Samples | None:
    """If sound is asked: the given sound, else the given clip's own, else a made-up bed."""
    if not ask.output.get("sound"):
        return None
    samples = round(seconds * SOUND_RATE)
    given = [*ask.of_kind("audio"), *ask.of_kind("video")]
    for each in given:
        heard = read_sound(each.path, each.field, SOUND_RATE)
        if heard is None:
            continue
        if extended and facts:
            more = bed(ask.words, max(0.1, seconds - facts.seconds), SOUND_RATE, seed)
            heard = np.concatenate([heard[: round(facts.seconds * SOUND_RATE)], more])
        return _fitted(heard, samples)
    made = bed(ask.words, seconds, SOUND_RATE, seed)
    spoken = " ".join(QUOTED.findall(ask.words))
    if spoken:
        voice = _fitted(speak(spoken, Voice.named(str(seed)), SOUND_RATE)[0], samples)
        made = made * np.float32(0.35) + voice * np.float32(0.65)
    return _fitted(made, samples)


def _fitted(sound: Samples, samples: int) -> Samples:
    made = np.zeros(samples, np.float32)
    made[: min(samples, sound.size)] = sound[:samples]
    return made


def _frames(ask: Ask, seed: int, plan: Plan) -> Iterator[Frame]:
    videos, images = ask.of_kind("video"), ask.of_kind("image")
    if videos and ask.task == "video-extend":
        return _extended(videos[0], plan)
    if videos:
        frames = footage(videos[0], plan.size, plan.fps, plan.frames)
        if ask.task not in PLAIN_TASKS:
            frames = _graded(frames, ask.words, seed)
        return _with_inset(frames, images[0], plan.size) if images else frames
    if images:
        return pan_frames([open_picture(image) for image in images], plan.size, plan.frames, plan.fps)
    return _shots(ask, seed, plan)


def _shots(ask: Ask, seed: int, plan: Plan) -> Iterator[Frame]:
    """A painted scene; one after another where the job lists its shots."""
    lines = [line for line in ask.lines if line.text] or None
    if lines is None:
        return scene_frames(ask.words, seed, plan.size, plan.frames)
    weights = np.array([line.seconds or 1.0 for line in lines])
    edges = np.rint(np.concatenate([[0.0], np.cumsum(weights / weights.sum())]) * plan.frames).astype(int)
    counts = [
        (line.text, int(end - start)) for line, start, end in zip(lines, edges, edges[1:], strict=False)
    ]
    return chain.from_iterable(scene_frames(text, seed, plan.size, count) for text, count in counts if count)


def _extended(parent: Given, plan: Plan) -> Iterator[Frame]:
    """The parent's clip, then its last picture moving on."""
    last: Frame | None = None
    made = 0
    for frame in footage(parent, plan.size, plan.fps):
        if made == plan.frames:
            return
        last = Frame(frame.y.copy(), frame.u.copy(), frame.v.copy())
        made += 1
        yield frame
    if last is not None:
        yield from pan_frames([last.picture()], plan.size, plan.frames - made, plan.fps)


def _graded(frames: Iterator[Frame], prompt: str, seed: int) -> Iterator[Frame]:
    """A clip's tones moved towards the palette the prompt asks for."""
    palette = choose_palette(prompt, random.Random(seed))  # noqa: S311 -- art, not secrets
    curve = [min(235, max(16, round(128 + (value - 128) * 1.12 - 4))) for value in range(256)]
    tint = Frame.of(Image.new("RGB", (2, 2), palette.far))
    tables = [_tinted(plane.tobytes()[0]) for plane in (tint.u, tint.v)]
    for frame in frames:
        yield Frame(frame.y.point(curve), frame.u.point(tables[0]), frame.v.point(tables[1]))


def _with_inset(frames: Iterator[Frame], image: Given, size: Size) -> Iterator[Frame]:
    """A given picture as a card in the clip's lower left corner."""
    side = max(16, int(min(size) * 0.3) // 2 * 2)
    card = cover(open_picture(image), (side, side)).convert("RGBA")
    ImageDraw.Draw(card).rectangle(
        [0, 0, side - 1, side - 1], outline=(255, 255, 255, 255), width=max(1, side // 50)
    )
    sheet, place = Sheet(card), (int(size[0] * 0.03) // 2 * 2, int(size[1] * 0.86 - side) // 2 * 2)
    for frame in frames:
        sheet.lay_on(frame, place)
        yield frame


def _tinted(tint: int) -> list[int]:
    """A colour plane's table: paler, and moved towards a tint (0-255, 128 is none)."""
    return [min(240, max(16, round(128 + (value - 128) * 0.62 + (tint - 128) * 0.5))) for value in range(256)]
