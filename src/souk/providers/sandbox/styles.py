"""What style words mean to the sandbox's composer: tempo, mode, groove, and who plays what."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from souk.providers.sandbox.ask import crc
from souk.words import JsonObject

BOOK: dict[str, Any] = tomllib.loads((Path(__file__).parent / "music" / "styles.toml").read_text("utf-8"))
"""The tables of ``music/styles.toml``."""
REFUSED = re.compile(r"\b(?:no|without) (\w+)")
TEMPO = re.compile(r"\b(\d{2,3})\s*bpm\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Band:
    """What a style text comes down to."""

    name: str
    mode: str
    bpm: int
    kit: str
    players: dict[str, tuple[str, str]]
    """Part -> voice and pattern."""
    swing: float = 0.0
    beats: int = 4
    harmony: str = ""
    """The family of its progressions, where it is not the mode's."""
    seventh: bool = False


def band_for(text: str, avoid: str, seed: int) -> Band:
    """Who plays, how fast and in which mode. Words nobody knows choose by their letters' sum."""
    words, named = _words(text), styles_named(text)
    named = named or [list(BOOK["styles"])[crc(" ".join(words) or str(seed)) % len(BOOK["styles"])]]
    name = max(named, key=lambda style: (named.count(style), -named.index(style)))
    style = BOOK["styles"][name]
    mode, (low, high) = _mode(style["modes"][seed // 7 % len(style["modes"])], words), style["bpm"]
    pace = next((p["factor"] for p in BOOK["paces"].values() if set(words) & set(p["words"].split())), 1.0)
    told = TEMPO.search(text)
    bpm = int(told[1]) if told else round((low + seed // 3 % (high - low + 1)) * pace)
    players = _players(style, words, {*_words(avoid), *REFUSED.findall(text.lower())})
    more = {key: style[key] for key in ("swing", "beats", "harmony", "seventh") if key in style}
    return Band(name, mode, bpm, style.get("drums", "").partition(" ")[0], players, **more)


def _players(style: JsonObject, words: list[str], shunned: set[str]) -> dict[str, tuple[str, str]]:
    """Each part's voice and pattern: a style's own, those the words name, less those that are shunned."""
    kit, _, groove = style.get("drums", "").partition(" ")
    players: dict[str, tuple[str, str]] = {"drums": (kit, groove)} if groove else {}
    for player in [*style["players"].split(", "), *(BOOK["named"].get(word, "") for word in words)]:
        if player:
            part, voice, pattern = player.split()
            players[part] = voice, players.get(part, ("", pattern))[1]
    shunned = shunned | {BOOK["named"][word].split()[1] for word in shunned if word in BOOK["named"]}
    for part, (voice, _) in list(players.items()):
        if shunned & {part, part.removesuffix("s"), f"{part}s", voice}:
            del players[part]
    return players


def styles_named(text: str) -> list[str]:
    """The styles a text names, one for every word that does."""
    words = _words(text)
    return [
        name for word in words for name, style in BOOK["styles"].items() if word in style["words"].split()
    ]


@cache
def style_words() -> frozenset[str]:
    """Every word that names a style or an instrument."""
    said = " ".join(style["words"] for style in BOOK["styles"].values())
    return frozenset([*said.split(), *BOOK["named"]])


def _mode(usual: str, words: list[str]) -> str:
    """The mode itself, unless the words name one or tell of a mood whose third it has not."""
    third = {"minor": 3, "major": 4}
    moods = [mood for mood, said in BOOK["moods"].items() if set(words) & set(said.split())]
    if named := [word for word in words if word in BOOK["scales"]]:
        return named[-1]
    return moods[0] if moods and third[moods[0]] not in BOOK["scales"][usual] else usual


def _words(text: str) -> list[str]:
    return re.findall(r"[\w&'-]+", text.lower())
