"""The sandbox's words: lyrics around what was asked for, in sections, and styles spelt out as they are then played."""

import re

import pytest

from souk.providers.sandbox.lyrics import boost_style, themes_of, write
from souk.providers.sandbox.styles import BOOK, band_for


def test_lyrics_are_about_the_prompt() -> None:
    title, text = write("Rain on a tin roof", 4)
    assert "rain" in text.lower()
    assert "tin roof" in text.lower()
    assert re.search("Rain|Tin Roof", title)


def test_lyrics_have_sections_and_a_chorus_that_returns() -> None:
    _, text = write("my grandmother's garden", 2)
    sections = text.split("\n\n")
    tags = [section.partition("\n")[0] for section in sections]
    assert tags == ["[Verse 1]", "[Chorus]", "[Verse 2]", "[Chorus]", "[Bridge]", "[Chorus]"]
    assert sections[1] == sections[3] == sections[5]
    assert sections[0].partition("\n")[2] != sections[2].partition("\n")[2]


def test_a_seed_is_one_lyric_and_seeds_differ() -> None:
    written = [write("a lighthouse in winter", seed) for seed in range(12)]
    assert written[3] == write("a lighthouse in winter", 3)
    assert len(set(written)) == 12
    assert len({title for title, _ in written}) > 2


@pytest.mark.parametrize(
    ("prompt", "themes"),
    [
        ("A short song about morning coffee", ["morning coffee"]),
        ("a folk song about the sea and my dog Rex", ["the sea", "my dog Rex"]),
        ("A diver drifting past Saturn, missing her dog", ["the diver", "Saturn", "her dog"]),
        ("一首关于夏天和海边的歌", ["夏天", "海边"]),
        ("upbeat techno", ["upbeat techno"]),
        ("", []),
    ],
)
def test_themes_are_what_is_said_beside_asking_for_a_song(prompt: str, themes: list[str]) -> None:
    assert themes_of(prompt) == themes


def test_other_languages_are_not_mixed_with_english() -> None:
    assert re.search("[\u4e00-\u9fff]", write("夏天的海边", 1)[1])
    for prompt in ("夏天的海边", "песня о море", "une chanson sur la mer et le vent", "夏の海のうた"):
        assert not re.search("night|home|with|and", write(prompt, 1)[1].lower()), prompt


def test_a_language_may_be_asked_for() -> None:
    assert "night" in "".join(write("mar", seed, "en-GB")[1] for seed in range(5))
    assert re.search("[\u4e00-\u9fff]", write("Paris", 1, "zh")[1])


def test_triggers_are_not_sung() -> None:
    assert "souk" not in write("rain [souk:delay=1]", 1)[1]


@pytest.mark.parametrize("prompt", ["", "...", "🎵", "the", "[souk:fail=500]"])
def test_nothing_to_sing_about_still_gives_a_song(prompt: str) -> None:
    title, text = write(prompt, 1)
    assert title
    assert len(text.split()) > 40


@pytest.mark.parametrize("style", [*sorted(BOOK["styles"]), "Folk, warm", "glorpy", "sad piano ballad"])
def test_a_spelt_out_style_is_played_as_it_says(style: str) -> None:
    said, meant = boost_style(style, 3), band_for(style, "", 3)
    for seed in (1, 3, 12345):
        read = band_for(said, "", seed)
        assert (read.name, read.bpm, read.mode) == (meant.name, meant.bpm, meant.mode)
    assert said.startswith(style)
    assert len(said) > 80
