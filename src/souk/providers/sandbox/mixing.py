"""Put sounds together: stereo samples in, stereo samples out, always at the song's rate."""

import numpy as np
from numpy.typing import NDArray

from souk.providers.children.given import CannotUse, Given
from souk.providers.sandbox.audio_file import read_sound
from souk.providers.sandbox.synth import RATE

Stereo = NDArray[np.float32]
"""Pairs of samples in -1..1."""

SEAM_SECONDS = 0.06
"""How long one sound gives way to the next where they are joined."""
LOUDEST = 0.89
TURN_SECONDS = 12.0
"""How often two blended tracks take turns in front."""


def heard(given: Given) -> Stereo:
    """What a file sounds like. Raises CannotUse."""
    sound = read_sound(given.path, given.field, RATE, "stereo")
    if sound is None or not len(sound):
        raise CannotUse(f"The file of {given.field} has no sound.")
    return sound.astype(np.float32, copy=False)


def fitted(sound: Stereo, seconds: float) -> Stereo:
    """Cut to this length, or followed by silence up to it."""
    made = np.zeros((round(seconds * RATE), 2), np.float32)
    made[: len(sound)] = sound[: len(made)]
    return made


def repeated(sound: Stereo, seconds: float) -> Stereo:
    """Cut to this length, or begun again until it is reached."""
    return np.resize(sound, (round(seconds * RATE), 2)).astype(np.float32)


def followed(sound: Stereo, after: Stereo, at: float) -> Stereo:
    """One sound up to a moment and from there on the other, which is as long as the result."""
    made = after.copy()
    cut = min(round(at * RATE), len(sound), len(after))
    seam = min(round(SEAM_SECONDS * RATE), cut)
    made[: cut - seam] = sound[: cut - seam]
    turn = np.linspace(0, 1, seam, dtype=np.float32)[:, None]
    made[cut - seam : cut] = sound[cut - seam : cut] * (1 - turn) + after[cut - seam : cut] * turn
    return made


def spliced(sound: Stereo, new: Stereo, start: float, end: float) -> Stereo:
    """The sound with ``new`` (which is as long) in its place between two moments."""
    return followed(followed(sound, new, start), sound, end)


def together(*sounds: Stereo) -> Stereo:
    """Sounds of one length at once, no louder than there is room for."""
    return soft(np.stack(sounds).sum(axis=0, dtype=np.float32))


def in_turns(first: Stereo, second: Stereo) -> Stereo:
    """Two sounds of one length at once, now the one and now the other in front."""
    at = np.arange(len(first), dtype=np.float32) / RATE
    front = (0.65 + 0.35 * np.cos(at * (np.pi / TURN_SECONDS)))[:, None]
    return soft((first * front + second * (1.3 - front)).astype(np.float32))


def endless(sound: Stereo, seconds: float) -> Stereo:
    """So many seconds whose end runs into their beginning; ``sound`` must last a little longer."""
    count = min(round(seconds * RATE), len(sound))
    made, rest = sound[:count].copy(), sound[count : 2 * count]
    turn = np.linspace(0, 1, len(rest), dtype=np.float32)[:, None]
    made[: len(rest)] = made[: len(rest)] * turn + rest * (1 - turn)
    return soft(made)


def soft(sound: Stereo) -> Stereo:
    """Turned down as far as its loudest moment asks."""
    loudest = float(np.abs(sound).max(initial=0.0))
    return sound if loudest <= LOUDEST else (sound * np.float32(LOUDEST / loudest)).astype(np.float32)
