"""Sound jobs: speech, dialogue, effects, isolated voices; written in the asked format, rate and length."""

import numpy as np

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made, filled
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.audio_file import rate_for, read_sound, write_sound
from souk.providers.sandbox.effects import levelled, music, sound_of
from souk.providers.sandbox.picture import seed_of
from souk.providers.sandbox.sizes import length
from souk.providers.sandbox.voice import Samples, Voice, speak

TURN_GAP_SECONDS = 0.3
SLOWEST, FASTEST = 0.5, 2.0
GATE_SECONDS = 0.02
QUIET = 0.12
"""Share of the loudest moment below which an isolated voice is taken to be silent."""


def make_sounds(ask: Ask) -> Made:
    """Do a sound job. Raises CannotUse."""
    made = Made()
    extension = str(ask.output.get("extension") or "mp3")
    rate = rate_for(extension, ask.output.get("sample_rate"))
    for number in range(ask.count):
        seed = seed_of(ask.seed, number) if number else ask.seed
        sound, words = _sound(ask, rate, seed)
        path = ask.folder / f"{number}.{extension}"
        made.add(path, write_sound(sound, rate, path, ask.output.get("bitrate"), words))
    made.result = filled(ask.output, len(made.files))
    return made


def _sound(ask: Ask, rate: int, seed: int) -> tuple[Samples, str]:
    """The samples, and the words they speak."""
    if given := [*ask.of_kind("audio"), *ask.of_kind("video")]:
        heard = read_sound(given[0].path, given[0].field, rate)
        if heard is None:
            raise CannotUse(f"The file of {given[0].field} has no sound.")
        return isolated(heard, rate), ""
    if ask.task in ("text-to-speech", "dialogue") or ask.lines:
        return _speech(ask, rate)
    seconds = length(ask.output, None)
    if ask.task.startswith(("music", "text-to-music")):
        return levelled(music(ask.words, seconds, rate, seed), round(seconds * rate)), ""
    return sound_of(ask.words, seconds, rate, seed), ""


def _speech(ask: Ask, rate: int) -> tuple[Samples, str]:
    speed = ask.input.get("speed")
    pace = min(FASTEST, max(SLOWEST, float(speed))) if isinstance(speed, int | float) else 1.0
    if not ask.lines:
        return speak(ask.words, Voice.named(str(ask.input.get("voice") or "")), rate, pace)[0], ask.words
    gap = np.zeros(round(TURN_GAP_SECONDS * rate), np.float32)
    parts = [
        part for line in ask.lines for part in (speak(line.text, Voice.named(line.voice), rate, pace)[0], gap)
    ]
    return np.concatenate(parts[:-1]), " ".join(line.text for line in ask.lines)


def isolated(sound: Samples, rate: int) -> Samples:
    """The voice alone, roughly: speech's band kept, quiet stretches gated."""
    if not sound.size:
        return np.zeros(rate // 10, np.float32)
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(sound.size, 1 / rate)
    band = 1 / (1 + (90 / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / 7000) ** 6)
    clean = np.fft.irfft(spectrum * band, sound.size).astype(np.float32)
    loud = loudness(clean, rate)
    gate = np.clip(loud / max(1e-6, float(loud.max())) / QUIET, 0.05, 1)
    return clean * np.interp(np.arange(clean.size), np.arange(gate.size) * GATE_SECONDS * rate, gate).astype(
        np.float32
    )


def loudness(sound: Samples, rate: int) -> Samples:
    """How loud each fiftieth of a second is."""
    step = max(1, round(rate * GATE_SECONDS))
    count = max(1, sound.size // step)
    blocks = np.zeros(count * step, np.float32)
    blocks[: min(sound.size, count * step)] = sound[: count * step]
    return np.sqrt((blocks.reshape(count, step) ** 2).mean(1))
