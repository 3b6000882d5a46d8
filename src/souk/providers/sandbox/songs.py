"""The sandbox's songs, as a child process makes them: the words, then one track after the other, with its cover."""

from pathlib import Path

import numpy as np

from souk.providers.children.given import CannotUse, Given
from souk.providers.children.results import Made
from souk.providers.sandbox import mixing
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.audio_file import write_sound
from souk.providers.sandbox.caption import caption, mark
from souk.providers.sandbox.effects import sound_of
from souk.providers.sandbox.mixing import Stereo
from souk.providers.sandbox.picture import paint, seed_of
from souk.providers.sandbox.score import compose, continue_from, replaced
from souk.providers.sandbox.song import ScoreSpec
from souk.providers.sandbox.song_plan import Plan, persona_of, plan_of
from souk.providers.sandbox.song_source import SCORE, WRITTEN, Source, source_of, uploads
from souk.providers.sandbox.stamp import save_picture
from souk.providers.sandbox.steps import PLAN, STEP, WORDS
from souk.providers.sandbox.synth import RATE, render
from souk.words import JsonObject

COVER_SIZE = (640, 640)
VOCALS = ("vocal", "backing_vocals")
BEATS = ("drums", "percussion", "bass")
DEFAULT_MODEL = "V5"
EDGE_SECONDS = 0.05
"""Made-up sounds fade in and out so long; loops leave that out."""
LOOP_SEAM_SECONDS = 0.5


def make_step(ask: Ask, request: JsonObject) -> Made:
    """Do one step of the work. Raises CannotUse."""
    step = request[STEP]
    if step == WORDS:
        made = Made()
        made.result = plan_of(ask).to_json()
        return made
    return _track(ask, Plan.from_json(request[PLAN]), int(step))


def _track(ask: Ask, plan: Plan, number: int) -> Made:
    """One of the task's tracks: its sound, its cover, and what later songs must know of it."""
    made = Made()
    spec = _spec(ask, plan, number)
    sound, mixed = _sound(ask, plan, spec)
    path = ask.folder / f"track{number}.mp3"
    first = 2 * number
    made.add(path, write_sound(sound, RATE, path, ask.output.get("bitrate"), plan.lyrics, plan.title))
    made.add(*_cover(plan, seed_of(ask.seed, number), ask.folder, number))
    duration = round(len(sound) / RATE, 2)
    model = str(ask.input.get("model") or DEFAULT_MODEL)
    made.result = {
        "id": {"$piece": number},
        "audio": {"$file": first},
        "image": {"$file": first + 1},
        "title": plan.title,
        "tags": plan.tags,
        "prompt": plan.lyrics,
        "model_name": f"chirp-{model.lower().replace('_', '-')}",
        "duration": duration,
    }
    known: JsonObject = {
        WRITTEN if mixed else SCORE: spec.to_json(),
        "lyrics": plan.lyrics,
        "title": plan.title,
        "tags": plan.tags,
        "duration": duration,
        "model": model,
    }
    made.pieces.append({"kind": "song", "file": first, "data": known})
    return made


def _spec(ask: Ask, plan: Plan, number: int) -> ScoreSpec:
    """The score of a track; each has a seed of its own."""
    tempo = ask.input.get("soundTempo")
    fresh = ScoreSpec(
        seed=seed_of(ask.seed, number),
        style=plan.style or plan.tags,
        seconds=plan.seconds,
        instrumental=plan.instrumental,
        lyrics=plan.sung,
        bpm=int(tempo) if tempo else None,
        key=ask.input.get("soundKey"),
        loop=bool(ask.input.get("soundLoop")),
        avoid=str(ask.input.get("negativeTags") or ""),
        voice=str(ask.input.get("vocalGender") or persona_of(ask).get("voice") or ""),
    )
    if plan.start == 0 and plan.end is None:
        return fresh
    source = source_of(ask)
    before = source.score or ScoreSpec(
        seed=fresh.seed, style=fresh.style, seconds=source.seconds, instrumental=True
    )
    if plan.end is None:
        return continue_from(before, plan.start, fresh)
    return replaced(before, plan.start, plan.end, fresh)


def _sound(ask: Ask, plan: Plan, spec: ScoreSpec) -> tuple[Stereo, bool]:
    """What a track sounds like, and whether there is more in it than its score."""
    match ask.task:
        case "text-to-music" | "music-cover":
            return render(compose(spec)), False
        case "text-to-sound":
            return _made_up(plan, spec)
        case "add-vocals":
            own = mixing.heard(_file(uploads(ask)[0]))
            return mixing.together(mixing.fitted(own, plan.seconds), render(compose(spec), VOCALS)), True
        case "add-instrumental":
            own = mixing.heard(_file(uploads(ask)[0]))
            return mixing.together(mixing.fitted(own, plan.seconds), render(compose(spec)) * 0.7), True
        case "mashup":
            first, second = (
                mixing.repeated(mixing.heard(_file(source)), plan.seconds) for source in uploads(ask)[:2]
            )
            blend = mixing.in_turns(second, first) if spec.seed % 2 else mixing.in_turns(first, second)
            new = render(compose(spec), (*BEATS, *VOCALS) if plan.sung else BEATS)
            return mixing.together(blend * 0.7, new * 0.5), True
        case _:
            return _changed(ask, plan, spec)


def _changed(ask: Ask, plan: Plan, spec: ScoreSpec) -> tuple[Stereo, bool]:
    """An earlier track or given audio, continued or with a section made anew."""
    source, sound = source_of(ask), render(compose(spec))
    if source.played:
        return sound, False
    own = mixing.heard(_file(source))
    if plan.end is None:
        return mixing.followed(own, sound, plan.start), True
    return mixing.spliced(mixing.fitted(own, plan.seconds), sound, plan.start, plan.end), True


def _made_up(plan: Plan, spec: ScoreSpec) -> tuple[Stereo, bool]:
    """A sound by its words; with a tempo or a key, a few bars of music."""
    if spec.bpm or spec.key not in (None, "Any"):
        return render(compose(spec)), False
    more = LOOP_SEAM_SECONDS + 2 * EDGE_SECONDS if spec.loop else 0.0
    mono = sound_of(plan.tags, plan.seconds + more, RATE, spec.seed)
    sound = np.stack([mono, mono], axis=1).astype(np.float32)
    if not spec.loop:
        return sound, True
    edge = round(EDGE_SECONDS * RATE)
    return mixing.endless(sound[edge : len(sound) - edge], plan.seconds), True


def _cover(plan: Plan, seed: int, folder: Path, number: int) -> tuple[Path, str]:
    """The picture that stands for a track."""
    picture = paint(f"{plan.title} {plan.tags}", seed, COVER_SIZE)
    caption(picture, plan.title)
    mark(picture)
    return save_picture(picture, folder, f"cover{number}", "jpeg")


def _file(source: Source) -> Given:
    if source.given is None:
        raise CannotUse(f"{source.field}: the track's file is no longer there.")
    return source.given
