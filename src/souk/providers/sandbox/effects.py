"""Made-up sounds that are no speech: weather, bells, engines and the like by the prompt's words, and beds for clips."""

from collections.abc import Callable, Sequence

import numpy as np

from souk.providers.sandbox.ask import crc
from souk.providers.sandbox.score import compose
from souk.providers.sandbox.song import ScoreSpec
from souk.providers.sandbox.styles import styles_named
from souk.providers.sandbox.synth import noise, render
from souk.providers.sandbox.voice import Samples

Chance = np.random.Generator


def swell(count: int, rate: int, period: float, low: float, phase: float = 0.0) -> Samples:
    """A slow wave of loudness between ``low`` and 1."""
    at = np.arange(count, dtype=np.float32) / rate
    return low + (1 - low) * (0.5 + 0.5 * np.sin(at * (2 * np.pi / period) + phase)).astype(np.float32)


def tone(
    hertz: float, seconds: float, rate: int, decay: float, partials: tuple[float, ...] = (1.0,)
) -> Samples:
    """A struck tone: partials at these factors of the pitch, dying away within ``decay`` seconds."""
    at = np.arange(max(1, round(seconds * rate)), dtype=np.float32) / rate
    made = np.zeros_like(at)
    for number, partial in enumerate(partials):
        if hertz * partial < rate * 0.45:
            made += (
                np.sin(at * (2 * np.pi * hertz * partial))
                * np.exp(-at * (1 + number * 0.7) / decay)
                / (1 + number)
            )
    return made * np.minimum(1, at * 400)


def scatter(base: Samples, rate: int, times: Sequence[float], piece: Callable[[int], Samples]) -> Samples:
    """Lay pieces over a base at these times in seconds."""
    for index, time in enumerate(times):
        start, sound = round(time * rate), piece(index)
        end = min(base.size, start + sound.size)
        if end > start:
            base[start:end] += sound[: end - start]
    return base


def rain(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 700, 9000, 0.6) * 0.6
    drops = list(np.sort(chance.random(int(seconds * 14)) * seconds))
    return scatter(
        made, rate, drops, lambda _: tone(float(chance.uniform(900, 3200)), 0.03, rate, 0.008) * 0.25
    )


def wind(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 120, 900, 1.2)
    return made * swell(made.size, rate, 3.7, 0.25) * swell(made.size, rate, 1.9, 0.6, 1.0)


def sea(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 90, 3800, 1.1)
    return made * swell(made.size, rate, 4.6, 0.16) ** 1.5


def thunder(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 25, 240, 1.8)
    at = np.arange(made.size, dtype=np.float32) / rate
    roll = np.exp(-at / 1.3) * (0.6 + 0.4 * swell(made.size, rate, 0.43, 0.2)) * np.minimum(1, at * 30)
    return made * roll * 2.2 + rain(seconds, rate, chance)[: made.size] * 0.18


def blast(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 22, 2600, 1.5)
    at = np.arange(made.size, dtype=np.float32) / rate
    return (
        made * np.exp(-at / 0.55) * np.minimum(1, at * 300) * 2.4
        + np.sin(at * 300 * np.exp(-at * 2)) * np.exp(-at / 0.4) * 0.5
    )


def bell(seconds: float, rate: int, chance: Chance) -> Samples:
    made = np.zeros(round(seconds * rate), np.float32)
    pitch = float(chance.uniform(420, 880))
    times = list(np.arange(0.02, max(0.1, seconds - 0.3), 1.6))
    return scatter(
        made, rate, times, lambda _: tone(pitch, 2.6, rate, 0.9, (0.5, 1.0, 1.19, 1.56, 2.0, 2.74)) * 0.5
    )


def steps(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 200, 2000) * 0.03
    thump = noise(0.12, rate, chance, 60, 1400, 1.3)
    thump *= np.exp(-np.arange(thump.size, dtype=np.float32) / (rate * 0.022))
    times = [float(time + chance.uniform(-0.02, 0.02)) for time in np.arange(0.1, seconds, 0.52)]
    return scatter(made, rate, times, lambda index: thump * (1.4 if index % 2 else 1.15))


def engine(seconds: float, rate: int, chance: Chance) -> Samples:
    at = np.arange(round(seconds * rate), dtype=np.float32) / rate
    turns = np.cumsum(38 + 26 * swell(at.size, rate, max(2.0, seconds), 0.0, -1.57)) / rate
    growl = sum((np.sin(2 * np.pi * turns * k + k) / k**0.8 for k in (1, 2, 3, 4, 6, 9)), np.zeros_like(at))
    return (growl * 0.2 + noise(seconds, rate, chance, 60, 1800, 1.2)[: at.size] * 0.3).astype(np.float32)


def birds(seconds: float, rate: int, chance: Chance) -> Samples:
    made = wind(seconds, rate, chance) * 0.12

    def chirp(_: int) -> Samples:
        at = np.arange(round(0.13 * rate), dtype=np.float32) / rate
        bend = float(chance.uniform(-9000, 9000))
        turns = float(chance.uniform(2400, 4200)) * at + bend * at**2
        return (np.sin(2 * np.pi * turns) * np.hanning(at.size) * 0.3).astype(np.float32)

    times = [
        float(start + part * 0.16)
        for start in chance.random(max(2, int(seconds * 1.3))) * seconds
        for part in range(3)
    ]
    return scatter(made, rate, times, chirp)


def heart(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 30, 200) * 0.02
    times = [float(beat + part) for beat in np.arange(0.1, seconds, 0.86) for part in (0.0, 0.24)]
    return scatter(
        made, rate, times, lambda index: tone(62 - 10 * (index % 2), 0.25, rate, 0.06, (1.0, 1.5)) * 0.9
    )


def whoosh(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 260, 5200, 0.8)
    dark = noise(seconds, rate, chance, 60, 500, 1.4)
    arc = np.sin(np.linspace(0, np.pi, made.size, dtype=np.float32)) ** 2
    return made * arc**2 + dark * arc * 0.7


def laser(seconds: float, rate: int, chance: Chance) -> Samples:
    made = noise(seconds, rate, chance, 40, 300) * 0.04

    def shot(_: int) -> Samples:
        at = np.arange(round(0.3 * rate), dtype=np.float32) / rate
        turns = 120 * at + (float(chance.uniform(1400, 2600)) / 12) * (1 - np.exp(-at * 12))
        return (np.sign(np.sin(2 * np.pi * turns)) * 0.2 + np.sin(2 * np.pi * turns) * 0.4) * np.exp(-at * 9)

    return scatter(made, rate, [float(time) for time in np.arange(0.02, seconds, 0.55)], shot)


def music(prompt: str, seconds: float, rate: int, seed: int) -> Samples:
    """A piece of the style the words name, without a singer; quiet where they name none."""
    style = prompt if styles_named(prompt) else f"ambient {prompt}"
    return render(compose(ScoreSpec(seed, style, seconds, instrumental=True)), rate=rate).mean(axis=1)


EFFECTS: dict[str, tuple[Callable[[float, int, Chance], Samples], str]] = {
    "rain": (rain, "rain shower drizzle drip 雨"),
    "thunder": (thunder, "thunder storm lightning 雷"),
    "sea": (sea, "sea ocean wave waves beach water river lake harbour harbor boat ship 海 浪 水 河"),
    "blast": (blast, "explosion explode blast boom bomb cannon gun crash 爆炸"),
    "bell": (bell, "bell bells chime ding glass gong temple 钟 铃"),
    "steps": (steps, "step steps footstep footsteps walk walking knock door 脚步 敲门"),
    "engine": (engine, "engine car motor truck train plane drone robot machine traffic city 引擎 汽车 机器"),
    "birds": (birds, "bird birds forest morning jungle garden spring 鸟 森林 清晨"),
    "heart": (heart, "heart heartbeat pulse 心跳"),
    "laser": (laser, "laser sci-fi spaceship cyberpunk neon game 激光"),
    "wind": (wind, "wind breeze desert mountain snow fog mist 风"),
}
MUSIC_WORDS = "music song melody piano guitar beat jazz band dance 音乐 歌"


def sound_of(prompt: str, seconds: float, rate: int, seed: int, otherwise: str = "whoosh") -> Samples:
    """The sound the words ask for, as mono samples in -1..1."""
    text = prompt.lower()
    words = set(text.replace(",", " ").replace(".", " ").split())
    spoken = [
        name for name, (_, said) in EFFECTS.items() if any(_said(word, words, text) for word in said.split())
    ]
    if not spoken and any(_said(word, words, text) for word in MUSIC_WORDS.split()):
        return levelled(music(prompt, seconds, rate, seed), round(seconds * rate))
    name = spoken[0] if spoken else otherwise
    chance = np.random.default_rng(crc(f"{prompt}\x1f{seed}"))
    make = EFFECTS[name][0] if name in EFFECTS else whoosh
    return levelled(make(seconds, rate, chance), round(seconds * rate))


def bed(prompt: str, seconds: float, rate: int, seed: int) -> Samples:
    """What a clip sounds like: its place, with quiet music under it."""
    place = sound_of(prompt, seconds, rate, seed, otherwise="wind") * 0.5
    return levelled(place + levelled(music(prompt, seconds, rate, seed), place.size) * 0.6, place.size)


def levelled(sound: Samples, samples: int) -> Samples:
    """Exactly this many samples, faded in and out, at a steady level."""
    made = np.zeros(samples, np.float32)
    made[: min(samples, sound.size)] = sound[:samples]
    fade = max(1, min(samples // 8, samples))
    ramp = np.linspace(0, 1, max(2, min(fade, 2000)), dtype=np.float32)
    made[: ramp.size] *= ramp
    made[-ramp.size :] *= ramp[::-1]
    return made * np.float32(0.7 / max(1e-6, float(np.abs(made).max())))


def _said(word: str, words: set[str], text: str) -> bool:
    return word in words if word.isascii() else word in text
