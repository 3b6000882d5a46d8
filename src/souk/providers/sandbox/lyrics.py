"""Write lyrics about a prompt, and spell a style out: both from stored lines, a seed and the asker's own words."""

import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from souk.providers.sandbox.styles import band_for, style_words, styles_named
from souk.providers.sandbox.triggers import without_triggers

SHEETS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "music" / "verses.toml").read_text("utf-8"))
PASSED_OVER = frozenset(SHEETS["reading"]["passed_over"].split())
ARTICLES: dict[str, str] = dict.fromkeys(["a", "an", "the", "this", "that", "these", "those"], "the")
OWNERS = {word: word for word in ("my", "your", "our", "his", "her", "their")}
MOST_THEMES, MOST_WORDS, MOST_SIGNS = 8, 3, 4
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[,;:.!?]")
HAN = re.compile(r"[\u4e00-\u9fff]")
SIGNS = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]+")
JOINING_SIGNS = re.compile("一首|关于|歌曲|歌词|のうた|について|[写的和与在了是有歌のをがはと]")
SINGERS = ("close alto vocal", "warm baritone vocal", "doubled vocal")
SHAPES = (
    "slow swell into the chorus",
    "sparse verses and a wide chorus",
    "patient intro and a big last chorus",
)


def write(prompt: str, seed: int, language: str = "") -> tuple[str, str]:
    """A title and a lyric in tagged sections about a prompt; without a language, the prompt's own decides."""
    chance = random.Random(f"lyrics/{seed}/{prompt}")  # noqa: S311 -- verse, no secret
    text = without_triggers(prompt)
    sheet = SHEETS.get(language[:2].lower() or _language_of(text), SHEETS["plain"])
    own = themes_of(text)[:MOST_THEMES]
    spare = chance.sample(sheet["spare"], len(sheet["spare"]))
    themes = [*own, *spare[: max(0, 2 - len(own))]] or [text[:20] or "la"]
    hero = chance.choice(themes[: max(1, min(3, len(own)))])
    others = [theme for theme in themes if theme != hero] or [hero]
    turn = [hero, *chance.sample(others, len(others))]

    def sung(couplets: list[str]) -> str:
        lines: list[str] = []
        for couplet in couplets:
            first, second = turn[0], turn[1 % len(turn)]
            lines += [_capital(line) for line in couplet.format(a=first, b=second).split("|")]
            turn.append(turn.pop(0))
        return "\n".join(lines)

    verses = chance.sample(sheet["verses"], min(4, len(sheet["verses"])))
    chorus_lines = chance.sample(sheet["choruses"], 2)
    first = sung(verses[:2])
    turn.sort(key=lambda theme: theme != hero)
    chorus = sung(chorus_lines)
    parts = [("Verse 1", first), ("Chorus", chorus), ("Verse 2", sung(verses[2:])), ("Chorus", chorus)]
    parts += [("Bridge", sung([chance.choice(sheet["bridges"])])), ("Chorus", chorus)]
    title = chance.choice(sheet["titles"]).format(a=_bare(hero), b=_bare(others[0]))
    return title, "\n\n".join(f"[{tag}]\n{lines}" for tag, lines in parts)


def themes_of(text: str) -> list[str]:
    """What a text is about: runs of its own words between those that only join others, each once."""
    found = list(dict.fromkeys(_sign_runs(text) if SIGNS.search(text) else _runs(text)))
    named = [theme for theme in found if not set(theme.lower().split()) <= style_words() | {*ARTICLES}]
    return named or found


def boost_style(content: str, seed: int) -> str:
    """A style text spelt out: who plays what, how fast and in which mode, as the composer will then do it."""
    chance = random.Random(f"style/{seed}/{content}")  # noqa: S311 -- wording, no secret
    text = without_triggers(content).strip(" .,")
    band = band_for(text, "", seed)
    names = [text] if styles_named(text) else [text, band.name]
    called = [SHEETS["called"][voice] for voice, _ in band.players.values() if voice in SHEETS["called"]]
    players = chance.sample(called, min(4, len(called)))
    ending = f"{band.bpm} BPM in a {band.mode} key"
    return (
        ", ".join([*filter(None, names), *players, chance.choice(SINGERS), chance.choice(SHAPES), ending])
        + "."
    )


def _runs(text: str) -> Iterator[str]:
    run: list[str] = []
    article = ""
    for token in [*WORD.findall(text), "."]:
        word = token.lower()
        starts = word in ARTICLES or word in OWNERS
        joins = word in PASSED_OVER or not word[0].isalpha()
        if run and (starts or joins or len(run) == MOST_WORDS):
            # "missing her daughter", "drifting past": a verb form before what it acts on is no theme's end.
            verb = run[-1].endswith(("ing", "ed")) and len(run[-1]) > 5 and word[0].isalpha()
            if verb and (starts or len(run) > 1):
                run.pop()
            if run:
                yield " ".join([article, *run] if article else run)
            run, article = [], ""
        if starts:
            article = ARTICLES.get(word) or OWNERS[word]
        elif joins:
            article = ""
        else:
            run.append(token if token[1:].islower() and text.find(token) > 0 else word)


def _sign_runs(text: str) -> Iterator[str]:
    for run in SIGNS.findall(text):
        for piece in JOINING_SIGNS.split(run):
            yield from (piece[at : at + MOST_SIGNS] for at in range(0, len(piece), MOST_SIGNS))


def _language_of(text: str) -> str:
    if HAN.search(text) and not re.search(r"[\u3040-\u30ff]", text):
        return "zh"
    if any(letter > "\u024f" for letter in text if letter.isalpha()):
        return "plain"
    words = text.lower().split()
    english, other = (
        sum(word in SHEETS["reading"][kind].split() for word in words) for kind in ("english", "other")
    )
    return "plain" if other > english else "en"


def _capital(line: str) -> str:
    return line[:1].upper() + line[1:]


def _bare(theme: str) -> str:
    words = [word for word in theme.split() if word not in ("the", "an")] or [theme]
    return " ".join(_capital(word) for word in words)
