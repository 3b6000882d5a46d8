"""Play a score: every note is made from its own data alone, so the parts add up to the song, sample by sample."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from souk.providers.sandbox.score import parts_of
from souk.providers.sandbox.song import Note, Score
from souk.providers.sandbox.voice import Samples, formants

RATE = 44_100
TABLE = 4096
"""Samples in one stored cycle."""
FRAME_TIMES = np.array([0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2], np.float32)
"""When each stored cycle of a voice is heard, in seconds after the note's start; between them it blends."""
BRIGHTEST = 15_000
VIBRATO_HERTZ = 5.3
SCOOP_SECONDS = 0.045
CONSONANTS = {"hiss": (0.05, 0.05), "stop": (0.02, 0.05)}
"""How late the vowel comes, in seconds, and how loud the noise before it is."""
ROOM_SECONDS, ROOM_BLOCK = 1.3, 1 << 17
ROOM_LEVEL = 0.55
FADE_SECONDS = 0.03
KICK, LOW_SEND, DRUM_SEND = 36, 0.02, 0.12
"""What drums send to the room; the lowest, and impacts, next to nothing."""
EARS_ONLY = np.array([[1], [1], [0]], np.float32)
"""The gains of a sound on the left, the right and the room's bus."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How an instrument or singer sounds; ``music/voices.toml`` says what each number means."""

    tilt: float
    cut: float
    level: float
    pan: float = 0.0
    even: float = 1.0
    damp: float = 0.0
    bloom: float = 0.0
    attack: float = 0.006
    decay: float = 9.0
    sustain: float = 0.0
    release: float = 0.12
    vibrato: float = 0.0
    scoop: float = 0.0
    detune: float = 0.0
    throat: float = 0.0
    pick: float = 0.0
    send: float = 0.15


@dataclass(frozen=True, slots=True)
class Drum:
    """A struck thing: a falling tone that rings and a band of noise that rattles."""

    hertz: tuple[float, float]
    ring: float
    tone: float
    band: tuple[float, float]
    rattle: float
    noise: float
    pan: float = 0.0


BOOK: dict[str, Any] = tomllib.loads((Path(__file__).parent / "music" / "voices.toml").read_text("utf-8"))
VOICES = {name: Voice(**row) for name, row in BOOK["voices"].items()}
DRUMS = {int(number): Drum(**row) for number, row in BOOK["drums"].items()}


def render(score: Score, parts: Iterable[str] | None = None, rate: int = RATE) -> NDArray[np.float32]:
    """The sound of these parts (all by default): stereo samples in -1..1, exactly as long as the score."""
    count = round(score.seconds * rate)
    buses = np.zeros((3, count), np.float32)  # left, right, and what goes to the room
    for part in parts_of(score) if parts is None else parts:
        made: dict[tuple[object, ...], Samples] = {}
        for note in score.parts.get(part, ()):
            length = round((note.end - note.start) * rate)
            key = note.voice, note.pitch, length, note.sound
            if key not in made:
                made[key] = _note(note, length, rate)
            _lay(buses, made[key], _gains(note), round(note.start * rate), score.loop)
    _answer(buses, rate, score.loop)
    fade = 0 if score.loop else min(count, round(FADE_SECONDS * rate))
    buses[:2, count - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return buses[:2].T


def waveform(sound: NDArray[np.float32], points: int = 200) -> list[float]:
    """The peak of each of so many equal stretches, the loudest being 1."""
    edges = np.linspace(0, len(sound), points, endpoint=False).astype(int)
    peaks = np.maximum.reduceat(np.abs(sound).max(axis=1), edges)
    return [round(float(peak), 3) for peak in peaks / max(1e-6, float(peaks.max()))]


def noise(
    seconds: float, rate: int, chance: np.random.Generator, low: float, high: float, tilt: float = 1.0
) -> Samples:
    """Noise between two frequencies in hertz, falling by ``tilt`` (1: pink power, 2: deep rumble)."""
    count = max(16, round(seconds * rate))
    spectrum = np.fft.rfft(chance.standard_normal(count).astype(np.float32))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    band = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
    made = np.fft.irfft(spectrum * band / np.maximum(hertz, 30) ** (tilt / 2), count).astype(np.float32)
    return made / np.float32(max(1e-6, float(np.sqrt((made**2).mean())) * 3.2))


def _lay(buses: Samples, wave: Samples, gains: Samples, start: int, loop: bool) -> None:
    """Add a wave (of one row, or one for each ear) to the buses; what passes a loop's end comes at its start.

    The room hears what the left ear hears.
    """
    room = buses.shape[1] - start
    if room > 0:
        now = wave[:, :room]
        buses[:, start : start + now.shape[1]] += now[[0, -1, 0]] * gains
        if loop and wave.shape[1] > room:
            _lay(buses, wave[:, room:], gains, 0, loop)


def _gains(note: Note) -> Samples:
    """A note's share on each bus."""
    source = VOICES.get(note.voice) or DRUMS.get(note.pitch)
    send = source.send if isinstance(source, Voice) else LOW_SEND if note.pitch == KICK else DRUM_SEND
    angle = ((source.pan if source else 0.0) + 1) * np.pi / 4
    return np.array([[np.cos(angle)], [np.sin(angle)], [send]], np.float32) * np.float32(note.velocity)


def _note(note: Note, length: int, rate: int) -> Samples:
    """A note at full velocity: one row of samples, or one for each ear."""
    if note.voice == "effects":
        return _effect(note.sound, length, rate)
    if note.voice not in VOICES:
        return _strike(note.pitch, note.voice, rate)
    voice, (onset, _, vowel) = VOICES[note.voice], note.sound.rpartition(" ")
    late, puff = CONSONANTS.get(onset, (0.0, voice.pick))
    at = np.arange(length + round(voice.release * rate), dtype=np.float32) / rate
    envelope = np.clip((at - late) / voice.attack, 0, 1)
    envelope *= voice.sustain + (1 - voice.sustain) * np.exp(-at / voice.decay)
    envelope[length:] *= np.linspace(1, 0, at.size - length, dtype=np.float32) ** 2
    frames = _frames(note.voice, note.pitch, vowel, onset == "hum", rate)
    place = np.interp(at, FRAME_TIMES, np.arange(len(FRAME_TIMES))).astype(np.float32)
    turns = _turns(voice, at)
    sides = (1 - voice.detune, 1 + voice.detune) if voice.detune else (1.0,)
    wave = np.stack([_blend(frames, place, turns * (_hertz(note.pitch) * side)) for side in sides]) * envelope
    if puff:
        burst = _grain(rate)[: at.size] * np.float32(puff / voice.level)
        wave[:, : burst.size] += burst
    return wave * np.float32(voice.level)


def _turns(voice: Voice, at: Samples) -> NDArray[np.float64]:
    """How many cycles of a 1 Hz tone have passed: scooped up to, and swaying around, its pitch."""
    turns = at.astype(np.float64)
    if voice.scoop:
        turns += voice.scoop * SCOOP_SECONDS * np.exp(-at / SCOOP_SECONDS)
    if voice.vibrato:
        depth = np.clip((at - 0.15) * 3, 0, 1) * (voice.vibrato / (2 * np.pi * VIBRATO_HERTZ))
        turns += depth * np.sin(at * (2 * np.pi * VIBRATO_HERTZ))
    return turns


def _blend(frames: Samples, place: Samples, turns: NDArray[np.float64]) -> Samples:
    """Read the stored cycles, gliding from one to the next."""
    index = (turns * TABLE).astype(np.int64) & (TABLE - 1)
    frame = np.minimum(place.astype(np.int64), len(FRAME_TIMES) - 2)
    index += frame * TABLE
    first, second = frames.ravel().take(index), frames.ravel().take(index + TABLE)
    return first + (second - first) * (place - frame).astype(np.float32)


def _hertz(pitch: int) -> float:
    return 440 * 2 ** ((pitch - 69) / 12)


@lru_cache(maxsize=1024)
def _frames(name: str, pitch: int, vowel: str, hums: bool, rate: int) -> Samples:
    """The cycles of a voice at one pitch, one row for each of FRAME_TIMES, no louder than 1."""
    voice, at = VOICES[name], FRAME_TIMES[:, None]
    highest = max(1, int(min(BRIGHTEST, rate * 0.45) / _hertz(pitch)))
    number = np.arange(1, highest + 1, dtype=np.float32)[None, :]
    loud = number**-voice.tilt * np.where(number % 2 == 0, voice.even, 1.0)
    loud = loud * np.exp((1 - number) * (voice.damp * at + voice.bloom * np.exp(-at / 0.07)))
    loud = loud / (1 + (number * _hertz(pitch) / voice.cut) ** 2)
    if voice.throat:
        sung = formants(vowel or "a", number * _hertz(pitch), voice.throat)
        closed = formants("m", number * _hertz(pitch), voice.throat) if hums else sung
        opened = np.clip(at / 0.06 - 0.3, 0, 1) if hums else 1.0
        loud = loud * (closed * (1 - opened) * 0.6 + sung * opened)
    spectrum = np.zeros((len(FRAME_TIMES), TABLE // 2 + 1), np.complex64)
    spectrum[:, 1 : number.size + 1] = loud * np.exp(1j * number**2 * 0.37)
    cycles = np.fft.irfft(spectrum, TABLE, axis=1)
    return (cycles / np.abs(cycles).max()).astype(np.float32)


@lru_cache(maxsize=64)
def _strike(number: int, kit: str, rate: int) -> Samples:
    drum, stretch = DRUMS[number], BOOK["kits"].get(kit, {"ring": 1.0, "rattle": 1.0})
    ring, rattle = drum.ring * stretch["ring"], drum.rattle * stretch["rattle"]
    at = np.arange(round(max(ring, rattle) * 6 * rate), dtype=np.float32) / rate
    turns = drum.hertz[1] * at + (drum.hertz[0] - drum.hertz[1]) * 0.03 * (1 - np.exp(-at / 0.03))
    burst = noise(at.size / rate, rate, np.random.default_rng(number), *drum.band, 0.2)[: at.size]
    wave = np.sin(2 * np.pi * turns) * np.exp(-at / ring) * drum.tone
    wave += burst * np.exp(-at / rattle) * drum.noise
    return (wave * np.minimum(1, at * 1500) * np.minimum(1, at[::-1] * 200)).astype(np.float32)[None, :]


def _effect(kind: str, length: int, rate: int) -> Samples:
    """A riser that swells until it breaks off, or the impact it leads to."""
    at, chance = np.linspace(0, 1, max(64, length), dtype=np.float32), np.random.default_rng(length)
    bright = noise(at.size / rate, rate, chance, 2000, 12_000)[: at.size]
    dark = noise(at.size / rate, rate, chance, 60, 700)[: at.size]
    if kind == "riser":
        wave = (bright * at**3 + dark * at * (1 - at)) * 0.2 * np.minimum(1, (1 - at) * 40)
    else:
        wave = (dark + bright * 0.3) * np.exp(-at * 7) * 0.18 * np.minimum(1, at * 200) * (1 - at)
    return wave.astype(np.float32)[None, :]


@lru_cache(maxsize=2)
def _grain(rate: int) -> Samples:
    """A puff of noise, as a pick or a consonant makes."""
    puff = noise(0.07, rate, np.random.default_rng(1), 1500, 9000, 0.3)
    return (puff * np.hanning(puff.size)).astype(np.float32)


@lru_cache(maxsize=2)
def _room(rate: int) -> NDArray[np.complex64]:
    """The spectrum of what a room answers to each ear."""
    count = round(ROOM_SECONDS * rate)
    at = np.arange(count, dtype=np.float32) / rate
    ears = [noise(ROOM_SECONDS, rate, np.random.default_rng(ear), 150, 5000, 0.6) for ear in (1, 2)]
    answer = np.stack(ears)[:, :count] * np.exp(-at * 5.5) * np.minimum(1, at * 60)
    answer *= ROOM_LEVEL / np.sqrt((answer**2).sum(axis=1, keepdims=True))
    return np.fft.rfft(answer.astype(np.float32), 2 * ROOM_BLOCK, axis=1).astype(np.complex64)


def _answer(buses: Samples, rate: int, loop: bool) -> None:
    """Add the room's answer to both ears, block by block."""
    for start in range(0, buses.shape[1], ROOM_BLOCK):
        said = buses[2, start : start + ROOM_BLOCK]
        if said.any():
            heard = np.fft.irfft(np.fft.rfft(said, 2 * ROOM_BLOCK) * _room(rate), 2 * ROOM_BLOCK, axis=1)
            _lay(buses, heard[:, : said.size + round(ROOM_SECONDS * rate)], EARS_ONLY, start, loop)
