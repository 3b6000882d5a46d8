"""Play a score: every note is made from its own data alone, so parts add up to the song to the last bit or so."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from souk.providers.sandbox.effects import noise
from souk.providers.sandbox.score import parts_of
from souk.providers.sandbox.song import Note, Score
from souk.providers.sandbox.voice import FORMANTS, Samples

RATE = 44_100
TABLE_BITS = 12
TABLE = 1 << TABLE_BITS
"""Samples in one stored cycle."""
FRAME_TIMES = np.array([0, 0.015, 0.04, 0.09, 0.18, 0.35, 0.7, 1.4, 2.8], np.float32)
"""When each stored cycle of a voice is heard, in seconds after the note's start; between them it blends."""
BRIGHTEST = 15_000
VIBRATO_HERTZ = 5.3
REVERB_SECONDS, REVERB_BLOCK = 1.3, 1 << 17
FADE_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Voice:
    """How an instrument sounds."""

    tilt: float
    """How fast overtones fall: 1 is a saw, 2 a triangle."""
    level: float
    pan: float = 0.0
    """-1 left .. 1 right."""
    even: float = 1.0
    """Share of the even overtones."""
    damp: float = 0.0
    """How fast overtones die away after the start."""
    bloom: float = 0.0
    """How dull the start is before the overtones come."""
    attack: float = 0.006
    decay: float = 9.0
    """Seconds."""
    sustain: float = 0.0
    release: float = 0.12
    vibrato: float = 0.0
    """Share of the pitch."""
    detune: float = 0.0
    """Share of the pitch between the left and the right oscillator; 0 is one oscillator."""
    pick: float = 0.0
    """Noise at the start."""
    send: float = 0.15


VOICES: dict[str, Voice] = {
    "alto": Voice(0.4, 0.2, attack=0.03, sustain=0.85, decay=0.4, release=0.09, vibrato=0.006, send=0.22),
    "baritone": Voice(0.4, 0.2, attack=0.03, sustain=0.85, decay=0.4, release=0.09, vibrato=0.006, send=0.2),
    "picked": Voice(1.1, 0.17, damp=0.5, decay=1.6, release=0.06, pick=0.05, send=0.02),
    "slap": Voice(0.9, 0.16, damp=0.9, decay=0.9, release=0.05, pick=0.15, send=0.02),
    "upright": Voice(1.7, 0.19, damp=0.4, decay=0.8, release=0.08, pick=0.04, send=0.04),
    "sub": Voice(2.2, 0.18, attack=0.008, decay=2.5, release=0.05, send=0.0),
    "square": Voice(1.0, 0.08, 0.2, even=0.02, bloom=0.1, attack=0.008, sustain=0.7, decay=0.3, release=0.1),
    "cello": Voice(
        1.0, 0.13, -0.2, bloom=0.3, attack=0.09, sustain=0.9, release=0.25, vibrato=0.004, send=0.25
    ),
    "piano": Voice(1.25, 0.1, 0.15, damp=0.25, decay=1.5, release=0.18, pick=0.03, send=0.18),
    "electric": Voice(2.4, 0.11, -0.15, damp=0.5, decay=1.3, release=0.15, detune=0.0015, send=0.2),
    "organ": Voice(
        1.1, 0.05, -0.25, even=0.7, attack=0.012, sustain=1.0, release=0.06, vibrato=0.003, detune=0.001
    ),
    "bells": Voice(1.5, 0.09, 0.3, even=0.15, damp=0.8, decay=1.1, release=0.6, send=0.4),
    "accordion": Voice(0.8, 0.06, 0.1, attack=0.05, sustain=1.0, release=0.08, detune=0.004, send=0.15),
    "clean": Voice(1.15, 0.08, -0.35, damp=0.4, decay=0.9, release=0.08, pick=0.05),
    "crunch": Voice(0.75, 0.07, -0.35, damp=0.06, decay=2.0, release=0.07, detune=0.002, pick=0.03),
    "distorted": Voice(0.6, 0.09, -0.1, damp=0.03, decay=4.0, release=0.06, detune=0.003, pick=0.03),
    "steel": Voice(1.0, 0.1, -0.3, damp=0.45, decay=1.0, release=0.15, pick=0.08, send=0.15),
    "nylon": Voice(1.5, 0.11, -0.2, damp=0.5, decay=0.8, release=0.12, pick=0.05, send=0.15),
    "jazz": Voice(1.7, 0.09, -0.3, damp=0.4, decay=0.9, release=0.1, pick=0.02),
    "section": Voice(
        0.95,
        0.045,
        0.25,
        bloom=0.4,
        attack=0.14,
        sustain=1.0,
        release=0.35,
        vibrato=0.003,
        detune=0.003,
        send=0.35,
    ),
    "pad": Voice(1.3, 0.045, -0.1, bloom=0.6, attack=0.35, sustain=1.0, release=0.7, detune=0.005, send=0.4),
    "fiddle": Voice(
        0.85, 0.09, 0.25, bloom=0.3, attack=0.06, sustain=0.9, release=0.12, vibrato=0.006, send=0.25
    ),
    "saw": Voice(
        0.9, 0.06, 0.2, damp=0.12, attack=0.008, sustain=0.6, decay=0.3, release=0.12, detune=0.004, send=0.25
    ),
    "solo": Voice(
        0.7, 0.09, 0.1, damp=0.02, attack=0.015, sustain=0.7, decay=0.8, release=0.15, vibrato=0.007, send=0.3
    ),
    "flute": Voice(
        2.2, 0.11, 0.3, attack=0.05, sustain=0.9, release=0.12, vibrato=0.005, pick=0.03, send=0.3
    ),
    "clarinet": Voice(
        1.1, 0.09, 0.2, even=0.08, attack=0.04, sustain=0.95, release=0.1, vibrato=0.002, send=0.25
    ),
    "sax": Voice(
        0.9,
        0.09,
        0.2,
        bloom=0.25,
        attack=0.035,
        sustain=0.9,
        release=0.1,
        vibrato=0.006,
        pick=0.02,
        send=0.22,
    ),
    "trumpet": Voice(
        0.7, 0.07, 0.3, bloom=0.35, attack=0.03, sustain=0.9, release=0.1, vibrato=0.004, send=0.25
    ),
    "horn": Voice(1.2, 0.06, -0.3, bloom=0.5, attack=0.09, sustain=0.95, release=0.25, send=0.35),
}
VOICES["brass"] = VOICES["trumpet"]


@dataclass(frozen=True, slots=True)
class Drum:
    """A struck thing: a falling tone and a burst of noise."""

    hertz: tuple[float, float]
    ring: float
    """Seconds in which the tone dies away."""
    tone: float
    band: tuple[float, float]
    rattle: float
    noise: float
    pan: float = 0.0


DRUMS: dict[int, Drum] = {
    36: Drum((150, 48), 0.14, 0.42, (1500, 6000), 0.008, 0.1),
    37: Drum((1700, 1650), 0.015, 0.14, (1200, 7000), 0.012, 0.12, 0.1),
    38: Drum((240, 180), 0.07, 0.16, (900, 9000), 0.09, 0.26, 0.05),
    39: Drum((900, 900), 0.01, 0.02, (900, 5000), 0.1, 0.3, 0.1),
    41: Drum((95, 72), 0.5, 0.35, (60, 400), 0.08, 0.05, -0.1),
    42: Drum((8000, 8000), 0.01, 0.01, (7000, 16000), 0.028, 0.12, 0.3),
    43: Drum((110, 82), 0.3, 0.3, (100, 900), 0.05, 0.06, 0.3),
    44: Drum((7000, 7000), 0.01, 0.01, (5000, 14000), 0.02, 0.08, 0.3),
    45: Drum((150, 110), 0.25, 0.28, (100, 1200), 0.05, 0.06, 0.1),
    46: Drum((8000, 8000), 0.01, 0.01, (6000, 16000), 0.16, 0.11, 0.3),
    48: Drum((210, 160), 0.2, 0.26, (100, 1500), 0.05, 0.06, -0.2),
    49: Drum((5200, 5200), 0.3, 0.01, (3000, 15000), 0.7, 0.15, -0.3),
    51: Drum((4300, 4300), 0.4, 0.03, (5000, 14000), 0.3, 0.07, -0.35),
    54: Drum((6800, 6800), 0.06, 0.02, (6000, 15000), 0.06, 0.09, 0.4),
    62: Drum((330, 310), 0.05, 0.16, (500, 3000), 0.012, 0.06, -0.4),
    63: Drum((240, 225), 0.12, 0.18, (300, 2500), 0.012, 0.05, -0.4),
    82: Drum((6000, 6000), 0.01, 0.0, (4500, 14000), 0.04, 0.08, 0.45),
}
RATTLE_OF_KIT = {"brushes": 1.5, "soft": 1.3, "808": 0.8, "electronic": 0.7}
RING_OF_KIT = {"808": 3.0, "electronic": 1.3, "brushes": 0.6, "soft": 0.7}


def render(score: Score, parts: Iterable[str] | None = None, rate: int = RATE) -> NDArray[np.float32]:
    """The sound of these parts (all by default): stereo samples in -1..1, exactly as long as the score."""
    count = round(score.seconds * rate)
    buses = np.zeros((3, count), np.float32)  # left, right, and what goes to the room
    for part in parts_of(score) if parts is None else parts:
        made: dict[tuple[object, ...], tuple[Samples, NDArray[np.float32]]] = {}
        for note in score.parts.get(part, []):
            length = round((note.end - note.start) * rate)
            key = note.voice, note.pitch, length, note.sound
            if key not in made:
                made[key] = _note(note, length, rate)
            _add(buses, *made[key], round(note.start * rate), note.velocity)
    sound = np.ascontiguousarray((buses[:2] + _room(buses[2], rate)).T)
    fade = min(count, round(FADE_SECONDS * rate))
    sound[count - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]
    return sound.astype(np.float32, copy=False)


def waveform(sound: NDArray[np.float32], points: int = 200) -> list[float]:
    """The peak of each of so many equal stretches, the loudest being 1."""
    edges = np.linspace(0, len(sound), points + 1).astype(int)[:-1]
    peaks = (
        np.maximum.reduceat(np.abs(sound).max(axis=1), edges) if len(sound) >= points else np.zeros(points)
    )
    return [round(float(peak), 3) for peak in peaks / max(1e-6, float(peaks.max()))]


def _add(buses: Any, wave: Samples, gains: NDArray[np.float32], start: int, velocity: float) -> None:
    room = buses.shape[1] - start
    if room > 0:
        wave = wave[:, :room]
        buses[:, start : start + wave.shape[1]] += wave[[0, -1, 0]] * (gains * np.float32(velocity))


def _note(note: Note, length: int, rate: int) -> tuple[Samples, NDArray[np.float32]]:
    """A note's samples (one row, or one for each ear) and its share on each bus."""
    if note.voice == "effects":
        return _effect(note.sound, length, rate), _gains(0.0, 0.3)
    if note.voice not in VOICES:
        drum = DRUMS[note.pitch]
        return _strike(note.pitch, note.voice, rate), _gains(drum.pan, 0.02 if note.pitch == 36 else 0.12)
    voice = VOICES[note.voice]
    count = length + round(voice.release * rate)
    at = np.arange(count, dtype=np.float32) / rate
    hertz = 440 * 2 ** ((note.pitch - 69) / 12)
    frames = _frames(note.voice, note.pitch, note.sound.split()[-1] if note.sound else "", rate)
    envelope = np.minimum(1, at / voice.attack) * (
        voice.sustain + (1 - voice.sustain) * np.exp(-at / voice.decay)
    )
    envelope[length:] *= np.linspace(1, 0, count - length, dtype=np.float32) ** 2
    place = np.interp(at, FRAME_TIMES, np.arange(len(FRAME_TIMES))).astype(np.float32)
    sides = (-voice.detune, voice.detune) if voice.detune else (0.0,)
    wave = (
        np.stack([_blend(frames, place, at, hertz * (1 + side), voice.vibrato) for side in sides]) * envelope
    )
    hiss = 0.25 if "hiss" in note.sound else 0.12 if "stop" in note.sound else voice.pick
    if hiss:
        burst = _grain(rate)[:count]
        wave[:, : burst.size] += burst * np.float32(hiss)
    return wave * np.float32(voice.level), _gains(voice.pan, voice.send)


def _gains(pan: float, send: float) -> NDArray[np.float32]:
    angle = (pan + 1) * np.pi / 4
    return np.array([[np.cos(angle)], [np.sin(angle)], [send]], np.float32)


def _blend(frames: Samples, place: Samples, at: Samples, hertz: float, vibrato: float) -> Samples:
    """Read the stored cycles at a pitch, gliding from one to the next."""
    turns = at.astype(np.float64) * hertz
    if vibrato:
        depth = np.clip((at - 0.15) * 3, 0, 1) * (vibrato * hertz / (2 * np.pi * VIBRATO_HERTZ))
        turns += depth * np.sin(at * (2 * np.pi * VIBRATO_HERTZ))
    index = ((turns % 1.0) * TABLE).astype(np.int32)
    frame = np.minimum(place.astype(np.int32), len(FRAME_TIMES) - 2)
    first = frames.ravel().take(index + frame * TABLE)
    second = frames.ravel().take(index + (frame + 1) * TABLE)
    return first + (second - first) * (place - frame)


@lru_cache(maxsize=1024)
def _frames(name: str, pitch: int, vowel: str, rate: int) -> Samples:
    """The cycles of a voice at one pitch: one row for each of FRAME_TIMES, no louder than 1."""
    voice, hertz = VOICES[name], 440 * 2 ** ((pitch - 69) / 12)
    number = np.arange(1, max(2, int(min(BRIGHTEST, rate * 0.45) / hertz) + 1), dtype=np.float32)[None, :]
    at = FRAME_TIMES[:, None]
    loud = number**-voice.tilt * np.where(number % 2 == 0, voice.even, 1.0)
    loud = loud * np.exp(-(number - 1) * (voice.damp * at + voice.bloom * np.exp(-at / 0.07)))
    if vowel:
        throat = 1.15 if name == "alto" else 1.0
        heard = [
            level / (1 + ((number * hertz - formant * throat) / width) ** 2)
            for formant, width, level in zip(FORMANTS[vowel], (90, 120, 170), (1.0, 0.5, 0.25), strict=True)
        ]
        loud = loud * (sum(heard) + 0.02)
    spectrum = np.zeros((len(FRAME_TIMES), TABLE // 2 + 1), np.complex64)
    spectrum[:, 1 : number.size + 1] = loud * np.exp(1j * number**2 * 0.37)
    cycles = np.fft.irfft(spectrum, TABLE, axis=1)
    return (cycles / np.abs(cycles).max()).astype(np.float32)


@lru_cache(maxsize=64)
def _strike(pitch: int, kit: str, rate: int) -> Samples:
    drum = DRUMS[pitch]
    ring, rattle = drum.ring * RING_OF_KIT.get(kit, 1.0), drum.rattle * RATTLE_OF_KIT.get(kit, 1.0)
    at = np.arange(round(max(ring, rattle) * 6 * rate), dtype=np.float32) / rate
    high, low = drum.hertz
    turns = low * at + (high - low) * 0.03 * (1 - np.exp(-at / 0.03))
    burst = noise(at.size / rate, rate, np.random.default_rng(pitch), *drum.band, 0.2)[: at.size]
    wave = (
        np.sin(2 * np.pi * turns) * np.exp(-at / ring) * drum.tone + burst * np.exp(-at / rattle) * drum.noise
    )
    wave[-64:] *= np.linspace(1, 0, 64)
    return (wave * np.minimum(1, at * 1500)).astype(np.float32)[None, :]


@lru_cache(maxsize=2)
def _grain(rate: int) -> Samples:
    """A puff of noise, as a pick or a consonant makes."""
    puff = noise(0.07, rate, np.random.default_rng(1), 1500, 9000, 0.3)
    return (puff * np.hanning(puff.size) ** 2).astype(np.float32)


def _effect(kind: str, length: int, rate: int) -> Samples:
    at = np.linspace(0, 1, max(64, length), dtype=np.float32)
    chance = np.random.default_rng(length)
    bright, dark = (
        noise(at.size / rate, rate, chance, *band)[: at.size] for band in ((2000, 12000), (150, 900))
    )
    if kind == "riser":
        wave = (bright * at**3 + dark * at * (1 - at)) * 0.25 * np.minimum(1, (1 - at) * 40)
    else:
        wave = (dark * 0.5 + np.sin(at * 90)) * np.exp(-at * 5) * 0.2 * np.minimum(1, at * 200) * (1 - at)
    return wave.astype(np.float32)[None, :]


@lru_cache(maxsize=2)
def _echo(rate: int) -> NDArray[np.complex64]:
    """The spectrum of the room's answer for each ear."""
    count = round(REVERB_SECONDS * rate)
    at = np.arange(count, dtype=np.float32) / rate
    ears = [
        noise(REVERB_SECONDS, rate, np.random.default_rng(ear), 150, 5000, 0.6)[:count] * np.exp(-at * 5.5)
        for ear in (1, 2)
    ]
    answer = np.stack(ears) * np.minimum(1, at * 60)
    answer /= np.sqrt((answer**2).sum(axis=1, keepdims=True))
    return np.fft.rfft(answer.astype(np.float32), 2 * REVERB_BLOCK, axis=1).astype(np.complex64)


def _room(send: Samples, rate: int) -> Samples:
    """What the room answers to both ears, block by block."""
    heard = np.zeros((2, send.size + 2 * REVERB_BLOCK), np.float32)
    if send.any():
        for start in range(0, send.size, REVERB_BLOCK):
            block = np.fft.rfft(send[start : start + REVERB_BLOCK], 2 * REVERB_BLOCK)
            heard[:, start : start + 2 * REVERB_BLOCK] += np.fft.irfft(
                block * _echo(rate), 2 * REVERB_BLOCK, axis=1
            )
    return heard[:, : send.size]
