"""Write a piece's notes: its harmony, drums, bass, chords and tunes, from one seed."""

import math
import random
from collections.abc import Iterator

from souk.providers.sandbox.form import Section, plan, read_lyrics
from souk.providers.sandbox.song import Note, ScoreSpec, Word
from souk.providers.sandbox.styles import BOOK, Band
from souk.providers.sandbox.syllables import syllables_of, word_texts

ENERGY = {"intro": 0.7, "verse": 0.8, "chorus": 1.0, "bridge": 0.78, "solo": 0.95, "outro": 0.75}
PRESENT = {"intro": 0.45, "verse": 0.7, "chorus": 1.0, "bridge": 0.6, "solo": 0.9, "outro": 0.6}
"""Share of the band that plays."""
RING_SECONDS = 1.4
"""What the last chord gets at least."""
SHORTEST_SECONDS = 0.02
TAIL_STEPS = 3
"""Sixteenths between the last chord's end and the piece's, for the tails."""
HELD = {"short": 1.6, "power": 0.95, "pick": 2.6}
"""Sixteenths a hit of these kinds lasts at most; others last until the next."""
LOUD = {"bass": 0.85, "pick": 0.75, "line": 0.75}
STRUM_STEPS = 0.09
"""Between the strings of a strummed chord."""
BASS_LOW, POWER_LOW, CHORD_LOW, TUNE_LOW = 31, 40, 52, 67
SINGERS = {"m": ("baritone", 52), "f": ("alto", 62)}
"""By sex: the voice, and about the lowest tonic it sings around."""
FILL = (38, 48, 45, 43)
CRASH, KICK = 49, 36
WORDLESS = ("ooh la la ooh ooh", "aah ooh la ooh")


class Arranger:
    """Writes one piece; every purpose has its own chance, so that a seed keeps its tune in another style."""

    def __init__(self, spec: ScoreSpec, band: Band, bpm: int, tonic: int, mode: str) -> None:
        self.spec, self.band, self.tonic, self.mode = spec, band, tonic, mode
        self.steps, self.step = band.beats * 4, 15 / bpm
        bars = spec.seconds / (self.steps * self.step)
        self.ends = not spec.loop and spec.resume is None
        ring = min(RING_SECONDS / (self.steps * self.step), bars / 3)
        self.bars = max(1, int(bars - ring) if self.ends else round(bars) if spec.loop else math.ceil(bars))
        self.seconds = self.bars * self.steps * self.step if spec.loop else spec.seconds
        sung = [] if spec.instrumental else read_lyrics(spec.lyrics)
        left_out = {kind for kind, so in (("intro", spec.cut > 0), ("outro", not self.ends)) if so}
        self.form = [Section("chorus", bars=self.bars)] if spec.loop else plan(sung, self.bars, left_out)
        family = BOOK["progressions"][band.harmony or mode]
        verse, chorus, bridge = self.chance("harmony").sample(family, 3)
        self.harmony = {"chorus": chorus, "solo": chorus, "bridge": bridge}
        self.usual_harmony, self.touch = verse, self.chance("touch")
        anyone = self.chance("voice").choice(("m", "f"))
        self.singer, self.singer_low = SINGERS.get(spec.voice, SINGERS[anyone])
        self.parts: dict[str, list[Note]] = {}
        self.words: list[Word] = []

    def chance(self, *purpose: object) -> random.Random:
        """A source of its own for a purpose."""
        return random.Random("/".join(map(str, (self.spec.seed, *purpose))))  # noqa: S311 -- music, no secret

    def write(self) -> None:
        """Write every part."""
        order = [part for part in self.band.players if part not in ("drums", "fx")]
        self.chance("order").shuffle(order)
        seen: list[str] = []
        for section in self.form:
            share = PRESENT[section.kind] + 0.12 * seen.count(section.kind)
            for bar in range(section.bars):
                if section.kind != "intro" or bar * 2 >= section.bars:
                    self._drums(section, bar)
                for part in order[: max(2, round(share * len(order)))]:
                    self._player(part, section, bar)
            self._tunes(section)
            if section.kind == "chorus" and seen and "fx" in self.band.players:
                place, before = section.first * self.steps, min(section.first, 2) * self.steps
                self.add("fx", 60, place - before, before, 0.7, "riser")
                self.add("fx", 36, place, self.steps, 0.8, "impact")
            seen.append(section.kind)
        if self.ends:
            self._ending(order)

    def at(self, step: float) -> float:
        """When a sixteenth sounds, in seconds: off-beats late by the style's swing."""
        return (step + (self.band.swing * 2 if int(step) % 4 == 2 else 0)) * self.step

    def chord(self, section: Section, bar: int) -> int:
        """The scale step a bar's chord stands on; what leads into a chorus ends on a chord that wants to go there."""
        if bar == section.bars - 1 and section.following == "chorus" and section.kind != "chorus":
            return 4 if self.mode in ("major", "minor") else 6
        return self.harmony.get(section.kind, self.usual_harmony)[bar % 4]

    def pitch(self, degree: int, low: int | None = None) -> int:
        """The pitch of a scale step; with ``low``, the one in the octave above it."""
        pitch = self.tonic + 12 * (degree // 7) + BOOK["scales"][self.mode][degree % 7]
        return pitch if low is None else low + (pitch - low) % 12

    def add(
        self, part: str, pitch: int, step: float, length: float, loud: float, sound: str = ""
    ) -> list[Note]:
        """Put a note down, if there is still time for it; times in sixteenths."""
        voice = self.band.players.get(part, ("choir" if part == "backing_vocals" else self.singer, ""))[0]
        start, end = self.at(step), min(self.at(step + length), self.seconds)
        if end - start < SHORTEST_SECONDS:
            return []
        velocity = min(1.0, loud * (0.95 + 0.1 * self.touch.random()))
        note = Note(pitch, round(start, 4), round(end, 4), round(velocity, 3), voice, sound)
        self.parts.setdefault(part, []).append(note)
        return [note]

    def _drums(self, section: Section, bar: int) -> None:
        place, energy = (section.first + bar) * self.steps, ENERGY[section.kind]
        fill = bar == section.bars - 1 and section.bars > 1 and not self.spec.loop
        if "drums" not in self.band.players:
            return
        self._beat("drums", place, energy, self.steps - 4 if fill else self.steps)
        for number, drum in enumerate(FILL if fill else ()):
            if number % 2 == 0 or energy > 0.75:
                self.add("drums", drum, place + self.steps - 4 + number, 1, energy * (0.6 + 0.1 * number))
        if bar == 0 and section.kind in ("chorus", "solo", "outro"):
            self.add("drums", CRASH, place, 8, energy * 0.8)

    def _beat(self, part: str, place: int, energy: float, until: int) -> None:
        for drum, marks in BOOK["grooves"][self.band.players[part][0 if part == "percussion" else 1]].items():
            for step, _, mark in _hits(marks[:until]):
                self.add(part, int(drum), place + step, 1, int(mark) / 9 * energy)

    def _player(self, part: str, section: Section, bar: int) -> None:
        """One bar of one player."""
        place, energy = (section.first + bar) * self.steps, ENERGY[section.kind]
        if part == "percussion":
            self._beat(part, place, energy, self.steps)
        kind, _, marks = BOOK["patterns"].get(self.band.players[part][1], "").partition(" ")
        for step, length, mark in _hits(marks[: self.steps]):
            held = min(length + 0.6, HELD[kind]) if kind in HELD else length * 0.97
            loud = energy * LOUD.get(kind, int(mark, 36) / 9)
            for number, pitch in enumerate(self._struck(part, kind, mark, section, bar)):
                strummed = STRUM_STEPS * number if part == "guitar" else 0
                self.add(part, pitch, place + step + strummed, held - strummed, loud)

    def _struck(self, part: str, kind: str, mark: str, section: Section, bar: int) -> list[int]:
        """The pitches of one hit."""
        root = self.chord(section, bar)
        low = CHORD_LOW + 5 * (part in ("strings", "brass"))
        tones = [
            self.pitch(root + third, low) for third in ((0, 2, 4, 6) if self.band.seventh else (0, 2, 4))
        ]
        match kind:
            case "bass" if mark == "n":
                return [self.pitch(self.chord(section, bar + 1) - 1, BASS_LOW)]
            case "bass":
                return [self.pitch(root, BASS_LOW) + self.pitch(root + int(mark)) - self.pitch(root)]
            case "power":
                return [self.pitch(root, POWER_LOW), self.pitch(root, POWER_LOW) + 7]
            case "pick" | "line":
                ladder = sorted(tones)
                return [[*ladder, ladder[0] + 12][int(mark)] + 12 * (kind == "line")]
            case _:
                return tones

    def _tunes(self, section: Section) -> None:
        """Who has the melody: the singer where there is something to sing, else the band's lead."""
        wordless = not (self.spec.instrumental or self.spec.lyrics) and section.kind in ("verse", "chorus")
        if section.lines or wordless:
            return self._sing(section, section.lines or [*WORDLESS] * max(1, section.bars // 4))
        chance = self.chance("lead", section.kind)
        counts = chance.randint(6, 9), chance.randint(5, 8)
        for part in [part for part, (_, pattern) in self.band.players.items() if pattern == "lead"]:
            for turn, bar in enumerate(range(0, section.bars, 2)):
                window = min(2, section.bars - bar) * self.steps - 2
                place = (section.first + bar) * self.steps
                self._melody(part, section, turn, place, window, min(counts[turn % 2], window // 3), [])
        return None

    def _sing(self, section: Section, lines: list[str]) -> None:
        spacing, grid = section.bars * self.steps / len(lines), self.steps // 2
        grid = grid if spacing >= grid else 1
        first = section.first * self.steps
        places = [first + int(turn * spacing / grid) * grid for turn in range(len(lines) + 1)]
        for turn, line in enumerate(lines):
            words = [(word, list(syllables_of(word))) for word in word_texts(line)]
            sounds = [f"{onset} {vowel}".strip() for _, said in words for vowel, onset in said]
            place, room = places[turn], min(places[turn + 1] - places[turn], 2 * self.steps)
            window = max(1, room - 2 if room > 4 else room)
            notes = self._melody("vocal", section, turn, place, window, min(len(sounds), window), sounds)
            done = 0
            for word, said in words if section.lines and notes else ():
                own = notes[done * len(notes) // len(sounds) :][: len(said)]
                opening = f"{section.tag}\n" if section.tag and not turn and not done else ""
                done += len(said)
                text = opening + word + (" " if done < len(sounds) else "\n")
                self.words.append(Word(text, own[0].start, own[-1].end))

    def _phrase(self, kind: str, turn: int, count: int, window: int) -> Iterator[tuple[int, int, int]]:
        """A phrase of so many notes: step, length and scale step of each; the tunes go AABA."""
        rhythm, tune = self.chance("rhythm", kind, count, window), self.chance("tune", kind, "AABA"[turn % 4])
        unit = 2 if count <= window / 2 else 1
        span = min(window // unit, round(count * rhythm.choice((1.25, 1.5, 1.5, 2))))
        turned = rhythm.randrange(max(1, span // count + 1))
        places = [unit * ((number * span + turned) // count) for number in range(count)]
        degree = tune.choice((0, 2, 4))
        for place, following in zip(places, [*places[1:], min(window, places[-1] + 6)], strict=True):
            yield place, max(1, following - place), degree
            move = tune.choice((-2, -1, -1, -1, 0, 1, 1, 1, 2, 3 if degree < 2 else -3))
            degree = degree - move if not -2 <= degree + move <= 6 else degree + move

    def _melody(
        self, part: str, section: Section, turn: int, place: int, window: int, count: int, sounds: list[str]
    ) -> list[Note]:
        """Put a phrase over the chords: where it rests, it rests on one of their tones."""
        made: list[Note] = []
        octave = 12 * round(((self.singer_low if sounds else TUNE_LOW) + 1 - self.tonic) / 12)
        for number, (step, length, drawn) in enumerate(self._phrase(section.kind, turn, count, window)):
            root = self.chord(section, (place + step) // self.steps - section.first)
            degree, last = drawn + (section.kind == "chorus"), number == count - 1
            if step % 8 == 0 or length >= 4 or last:
                degree = _nearest(degree, root, (0,) if last and turn % 2 else (0, 2, 4))
            sound = sounds[number] if sounds else ""
            loud = ENERGY[section.kind] * (0.9 if step % 4 == 0 else 0.8)
            made += self.add(part, self.pitch(degree) + octave, place + step, length * 0.95, loud, sound)
            if part == "vocal" and section.kind == "chorus":
                third = self.pitch(degree + 2) + octave
                self.add("backing_vocals", third, place + step, length * 0.95, loud * 0.65, sound)
        return made

    def _ending(self, order: list[str]) -> None:
        """The last chord, held to the end."""
        place = self.bars * self.steps
        length = max(2.0, self.seconds / self.step - place - TAIL_STEPS)
        for part in order:
            kind = BOOK["patterns"].get(self.band.players[part][1], "").partition(" ")[0]
            low = BASS_LOW if kind == "bass" else CHORD_LOW
            for tone in () if not kind else (0,) if kind == "bass" else (0, 2, 4):
                self.add(part, self.pitch(tone, low), place, length, 0.65)
        for drum in (KICK, CRASH) if "drums" in self.band.players else ():
            self.add("drums", drum, place, 4, 0.65)


def _nearest(degree: int, root: int, tones: tuple[int, ...]) -> int:
    """The scale step nearest to one that is such a tone of the chord on ``root``."""
    return min(
        range(degree - 3, degree + 4), key=lambda near: ((near - root) % 7 not in tones, abs(near - degree))
    )


def _hits(marks: str) -> list[tuple[int, int, str]]:
    """Step, length to the next hit, and mark of every hit."""
    places = [step for step, mark in enumerate(marks) if mark != "."]
    ends = zip(places, [*places[1:], len(marks)], strict=False)
    return [(step, following - step, marks[step]) for step, following in ends]
