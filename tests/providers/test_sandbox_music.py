"""The sandbox's music: one spec, one song; length, key and words as asked; exact stems, notes and joins."""

import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from souk.providers.sandbox.form import Section, plan, read_lyrics
from souk.providers.sandbox.score import (
    PITCH_NAMES,
    Score,
    ScoreSpec,
    aligned_words,
    compose,
    continue_from,
    midi_notes,
    parts_of,
    replaced,
)
from souk.providers.sandbox.song import Note
from souk.providers.sandbox.styles import BOOK
from souk.providers.sandbox.synth import RATE, render, waveform

LYRICS = """[Verse 1]
Salt wind over the pier
Gulls call the tide back in

[Chorus]
Carry me home tonight
Over the silver sea"""
STRUCK = ("drums", "percussion", "fx")
"""Parts whose pitches are no tones."""
STYLES = sorted(BOOK["styles"])
FINGERPRINT = """
import hashlib, sys
from souk.providers.sandbox.score import ScoreSpec, compose
from souk.providers.sandbox.synth import render
print(hashlib.sha256(render(compose(ScoreSpec(3, "funk", 8.0))).tobytes()).hexdigest())
"""


def song(style: str = "pop", seed: int = 11, seconds: float = 24.0, **more: Any) -> ScoreSpec:
    return ScoreSpec(seed, style, seconds, **{"lyrics": LYRICS, **more})


def tones(score: Score) -> list[Note]:
    return [note for part, notes in score.parts.items() if part not in STRUCK for note in notes]


def voices(score: Score) -> set[str]:
    return {note.voice for notes in score.parts.values() for note in notes}


def hertz(pitch: float) -> float:
    return float(440 * 2 ** ((pitch - 69) / 12))


def test_one_spec_is_one_song_in_every_process() -> None:
    heard = {
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = hashlib.sha256(render(compose(ScoreSpec(3, "funk", 8.0))).tobytes()).hexdigest()
    assert heard == {here.encode()}


@pytest.mark.parametrize("seconds", [0.4, 3.0, 10.01, 61.7])
def test_a_song_is_exactly_as_long_as_asked(seconds: float) -> None:
    score = compose(song(seconds=seconds))
    assert render(score).shape == (round(seconds * RATE), 2)
    assert max(note.end for notes in score.parts.values() for note in notes) <= seconds
    assert render(score, rate=8000).shape == (round(seconds * 8000), 2)


@pytest.mark.parametrize("style", ["rock", "hip hop", "classical"])
def test_stems_add_up_to_the_song(style: str) -> None:
    score = compose(song(style))
    whole = render(score)
    stems = [render(score, [part]) for part in parts_of(score)]
    assert len(stems) >= 6
    assert all(np.abs(stem).max() > 0.01 for stem in stems)
    np.testing.assert_allclose(np.sum(stems, axis=0), whole, atol=1e-5)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_sounds_and_leaves_headroom(style: str) -> None:
    sound = render(compose(song(style, seconds=40.0)))
    assert 0.2 < np.abs(sound).max() < 1
    seconds = np.sqrt((sound[: 40 * RATE].reshape(40, RATE, 2) ** 2).mean(axis=(1, 2)))
    assert seconds[:-2].min() > 0.003, "somebody always plays"
    assert np.abs(sound[-8:]).max() < 0.001, "it has died away at the end"


@pytest.mark.parametrize(
    ("part", "style"), [("bass", "rock"), ("bass", "jazz"), ("woodwinds", "lofi"), ("vocal", "folk")]
)
def test_notes_of_the_score_are_the_tones_of_its_stem(part: str, style: str) -> None:
    score = compose(song(style, instrumental=part == "woodwinds"))
    stem = render(score, [part])[:, 0].astype(float)
    heard = [note for note in score.parts[part] if note.end - note.start > 0.25][:5]
    assert len(heard) >= 3
    for note in heard:
        middle = stem[round((note.start + 0.05) * RATE) : round(note.end * RATE)]
        window = middle * np.hanning(len(middle))

        def strength(pitch: float, sound: Any = window) -> float:
            at = np.arange(len(sound)) / RATE
            return sum(abs(np.exp(-2j * np.pi * hertz(pitch) * k * at) @ sound) for k in range(1, 6))

        others = [strength(note.pitch + step) for step in (-2, -1, 1, 2)] if len(middle) > RATE // 4 else []
        assert strength(note.pitch) > max(others, default=0.0)


def test_drums_strike_when_the_score_says() -> None:
    score = compose(song("techno", instrumental=True))
    stem = np.abs(render(score, ["drums"])).max(axis=1)
    kicks = [note for note in score.parts["drums"] if note.pitch == 36]
    assert len(kicks) > 20
    for kick in kicks[1:]:
        at = round(kick.start * RATE)
        assert stem[at : at + 900].max() > 1.5 * stem[at - 300 : at].max()


@pytest.mark.parametrize("style", ["jazz", "metal", "ambient", "bossa"])
@pytest.mark.parametrize(
    ("key", "scale"), [("D#m", "minor"), ("C", "major"), ("Bb", "major"), ("F#m", "minor")]
)
def test_everybody_keeps_to_the_asked_key(style: str, key: str, scale: str) -> None:
    score = compose(song(style, key=key))
    tonic = {"D#m": 3, "C": 0, "Bb": 10, "F#m": 6}[key]
    allowed = {(tonic + step) % 12 for step in BOOK["scales"][scale]}
    assert {note.pitch % 12 for note in tones(score)} <= allowed
    assert score.key == PITCH_NAMES[tonic] + ("m" if scale == "minor" else "")


def test_any_key_is_the_seed_s_choice() -> None:
    assert compose(song(key="Any")).key == compose(song()).key
    assert len({compose(song(seed=seed)).key for seed in range(1, 60, 7)}) > 4


def test_an_asked_tempo_is_kept() -> None:
    score = compose(song("house", bpm=100, instrumental=True))
    kicks = [note.start for note in score.parts["drums"] if note.pitch == 36]
    assert score.bpm == 100
    assert all(round(start / 0.6 * 4, 2) == round(start / 0.6 * 4) for start in kicks)


def test_styles_differ_in_tempo_and_players() -> None:
    scores = [compose(song(style, instrumental=True)) for style in STYLES]
    assert len({score.bpm for score in scores}) > 12
    assert len({tuple(sorted(voices(score))) for score in scores}) == len(STYLES)


def test_words_nobody_knows_choose_a_style_and_the_seed_varies_it() -> None:
    assert len({compose(song(f"{word} zzz")).bpm for word in "abcdefgh"}) > 3
    assert len({json.dumps(midi_notes(compose(song("folk", seed=seed)))) for seed in range(8)}) == 8


def test_the_reference_names_every_style() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/suno.md").read_text("utf-8")
    known = page.partition("Of a style it understands")[2].partition(";")[0]
    assert [style for style in STYLES if style not in known] == []


def test_named_instruments_play_and_avoided_ones_do_not() -> None:
    score = compose(song("techno with violin, no synth", avoid="drums"))
    assert {note.voice for note in score.parts["strings"]} == {"fiddle"}
    assert not {"drums", "synth"} & set(score.parts)
    parts = parts_of(compose(song("techno with violin", avoid="basic ballads, guitars, a violin")))
    assert {"bass", "drums"} <= set(parts)
    assert "strings" not in parts


def test_every_word_is_sung_in_order_with_its_section_s_tag() -> None:
    score = compose(song(seconds=60.0))
    once = LYRICS.split("\n\n")
    spelt = "".join(word.text for word in score.words)
    assert spelt.startswith("".join(f"{part}\n" for part in once))
    assert [word.start for word in score.words] == sorted(word.start for word in score.words)
    starts = {note.start for note in score.parts["vocal"]}
    assert all(word.start in starts and word.start < word.end for word in score.words)
    first = aligned_words(score)[0]
    assert (first["word"], first["success"]) == ("[Verse 1]\nSalt ", True)
    assert set(first) == {"word", "success", "startS", "endS", "palign"}


@pytest.mark.parametrize("lines", [3, 24, 60])
def test_a_singer_sings_one_note_at_a_time(lines: int) -> None:
    text = "\n".join("Every morning I remember how the harbour used to sound" for _ in range(lines))
    score = compose(song(lyrics=f"[Verse]\n{text}", seconds=30.0))
    sung = score.parts["vocal"]
    assert len(sung) > 20
    assert all(before.end <= after.start for before, after in itertools.pairwise(sung))


def test_a_chorus_comes_back_with_the_same_tune_and_other_voices() -> None:
    score = compose(song(seconds=120.0))
    starts = [at for kind, at in score.sections if kind == "chorus"]
    sung = [
        [note.pitch for note in score.parts["vocal"] if start <= note.start < start + 4] for start in starts
    ]
    assert len(starts) > 1
    assert sung[0]
    assert sung[0] == sung[1]
    assert score.parts["backing_vocals"]


def test_instrumentals_have_no_singers_and_songs_without_words_hum() -> None:
    assert not {"vocal", "backing_vocals"} & set(parts_of(compose(song(instrumental=True))))
    wordless = compose(song(lyrics=""))
    assert wordless.parts["vocal"]
    assert not wordless.words


def test_the_singer_is_high_or_low_as_asked() -> None:
    low, high = (
        np.mean([note.pitch for note in compose(song(voice=voice)).parts["vocal"]]) for voice in ("m", "f")
    )
    assert high - low > 6


def test_an_extended_song_is_its_parent_up_to_the_cut() -> None:
    parent = song("synthwave", seconds=18.0)
    longer = continue_from(parent, 11.3, song("techno", seed=5, seconds=26.0))
    before, after = compose(parent), compose(longer)
    sound, at = render(after), round(11.3 * RATE)
    assert len(sound) == 26 * RATE
    np.testing.assert_allclose(sound[:at], render(before)[:at], atol=1e-6)
    assert (after.bpm, after.key) == (before.bpm, before.key)
    assert any(note.start > 20 for note in after.parts["drums"])
    np.testing.assert_allclose(sum(render(after, [part]) for part in parts_of(after)), sound, atol=1e-5)


def test_a_replaced_section_leaves_the_rest() -> None:
    parent = song("rock", seconds=40.0)
    patched = compose(replaced(parent, 12.0, 20.0, song("rock", seed=99, lyrics="[Bridge]\nGulls again")))
    whole = compose(parent)
    for part in parts_of(whole):
        old, new = (
            [n for n in score.parts[part] if n.end <= 12 or n.start >= 20] for score in (whole, patched)
        )
        assert [n for n in old if n.start >= 20] == [n for n in new if n.start >= 20]
        assert [n for n in old if n.end < 12] == [n for n in new if n.end < 12]
    assert [n for n in patched.parts["vocal"] if 12 < n.start < 20] != [
        n for n in whole.parts["vocal"] if 12 < n.start < 20
    ]
    assert "[Bridge]\nGulls " in [word.text for word in patched.words]


def test_a_spec_survives_json_and_says_only_what_is_asked() -> None:
    spec = replaced(continue_from(song(), 9.5, song(seed=2)), 3.0, 5.5, song(seed=3, key="Am"))
    assert ScoreSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    assert ScoreSpec(7, "folk").to_json() == {"seed": 7, "style": "folk"}


def test_a_loop_runs_into_itself() -> None:
    score = compose(song("lofi", seconds=7.0, loop=True, instrumental=True))
    bars = score.seconds / (240 / score.bpm)
    assert bars == pytest.approx(round(bars))
    count = round(score.seconds * RATE)
    twice = Score(
        2 * count / RATE,
        score.bpm,
        score.key,
        {
            part: [
                *notes,
                *(
                    Note(n.pitch, n.start + count / RATE, n.end + count / RATE, n.velocity, n.voice, n.sound)
                    for n in notes
                ),
            ]
            for part, notes in score.parts.items()
        },
    )
    again = render(twice)[count : 2 * count - RATE // 10]
    np.testing.assert_allclose(render(score)[: len(again)], again, atol=2e-3)


def test_what_there_is_no_time_for_is_left_out_from_the_end() -> None:
    verses = [Section("verse", f"[Verse {number}]", ["la la", "la"]) for number in range(3)]
    assert plan(verses, 8, set())[:2] == verses[:2]
    kinds = [section.kind for section in plan([], 24, set())]
    assert kinds == ["verse", "chorus", "verse", "chorus"]


@pytest.mark.parametrize("bars", [1, 2, 7, 13, 30, 52, 75, 200])
def test_a_form_fills_its_bars(bars: int) -> None:
    for sung in ([], read_lyrics(LYRICS)):
        form = plan(sung, bars, set())
        assert form[0].first == 0
        assert all(before.first + before.bars == after.first for before, after in itertools.pairwise(form))
        assert form[-1].first + form[-1].bars == bars


def test_notes_for_midi_are_those_of_the_chosen_parts() -> None:
    score = compose(song("jazz"))
    everything, bass = midi_notes(score), midi_notes(score, ["bass"])
    assert [part["name"] for part in everything][:3] == ["Vocals", "Backing_Vocals", "Drums"]
    assert [part["name"] for part in bass] == ["Bass"]
    assert len(bass[0]["notes"]) == len(score.parts["bass"])
    assert all(0 < note["velocity"] <= 1 and note["start"] < note["end"] for note in bass[0]["notes"])


def test_a_waveform_follows_the_loudness() -> None:
    sound = np.zeros((1000, 2), np.float32)
    sound[500:600] = 0.5
    sound[700:720, 1] = -0.25
    assert waveform(sound, 10) == [0, 0, 0, 0, 0, 1, 0, 0.5, 0, 0]


def test_lyrics_without_tags_become_verses_and_choruses() -> None:
    kinds = [section.kind for section in read_lyrics("one\ntwo\n\nthree\n\nfour")]
    assert kinds == ["verse", "chorus", "verse"]
    assert [s.kind for s in read_lyrics("[Intro]\n[Pre-Chorus]\noh\n[Hook]\nla\n[Guitar solo]\n[Outro]")] == [
        "intro",
        "verse",
        "chorus",
        "solo",
        "outro",
    ]


PIECES = st.builds(
    ScoreSpec,
    seed=st.integers(0, 2**32 - 1),
    style=st.sampled_from([*STYLES, "", "zz", "waltz with violin"]),
    seconds=st.sampled_from([0.05, 1.0, 2.5, 7.3, 33.3]),
    instrumental=st.booleans(),
    lyrics=st.lists(
        st.sampled_from(["[Verse]\n", "[Chorus]\n", "[x]", "\n\n", "日本", "hm", "(oh)", "[", "123", "—"])
    ).map(" ".join),
    bpm=st.sampled_from([None, 1, 60, 299]),
    key=st.sampled_from([None, "Any", "D#m", "bb", "H"]),
    avoid=st.sampled_from(["", "drums, bass", "guitar keyboard strings synth brass woodwinds bass"]),
    loop=st.booleans(),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(parent=PIECES, fresh=PIECES, first=st.floats(0, 1), second=st.floats(0, 1))
def test_whatever_is_asked_every_note_lies_within_its_song(
    parent: ScoreSpec, fresh: ScoreSpec, first: float, second: float
) -> None:
    start, end = sorted((first * parent.seconds, second * parent.seconds))
    for spec in (parent, continue_from(parent, end, fresh), replaced(parent, start, end, fresh)):
        score = compose(spec)
        for note in (note for notes in score.parts.values() for note in notes):
            assert 0 <= note.start <= note.end <= score.seconds + 1e-3
            assert 0 <= note.pitch < 128
            assert 0 < note.velocity <= 1
        assert all(0 <= word.start <= word.end <= score.seconds + 1e-3 for word in score.words)
    if parent.seconds < 3:
        assert np.isfinite(render(compose(parent), rate=8000)).all()
