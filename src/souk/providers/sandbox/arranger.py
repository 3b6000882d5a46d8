"""Write a piece's notes: its form, harmony, drums, bass, chords and tunes, from one seed."""

import random
from dataclasses import dataclass, field

from souk.providers.sandbox.song import Note, ScoreSpec, Word
from souk.providers.sandbox.styles import GROOVES, PERCUSSION, PROGRESSIONS, SCALES, Band
from souk.providers.sandbox.syllables import STAGE_DIRECTION, syllables_of, word_texts

LENGTHS = {"intro": 4, "verse": 8, "chorus": 8, "bridge": 4, "solo": 8, "outro": 4}
"""Bars a section has if the piece is long enough."""
FORM = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")
ENERGY = {"intro": 0.7, "verse": 0.8, "chorus": 1.0, "bridge": 0.78, "solo": 0.95, "outro": 0.75}
PRESENT = {"intro": 0.45, "verse": 0.7, "chorus": 1.0, "bridge": 0.6, "solo": 0.9, "outro": 0.6}
"""Share of the band that plays."""
SECTION_WORDS = {
    "hook": "chorus",
    "refrain": "chorus",
    "drop": "chorus",
    "break": "solo",
    "instrumental": "solo",
}
RING_SECONDS = 1.4
"""What the last chord gets at least."""
# Sixteenths of a bar; a digit is how hard the chord is struck.
HITS = {
    "hold": "6...............", "pad": "5...............", "comp": "7.....6...5.....", "strum": "7...5.4.7.5.4.5.",
    "offbeat": "..6...6...6...6.", "stab": "......8.......7.", "chug": "97.797.797.79.9.", "bossa": "6..6..6...6..6..",
}  # fmt: skip
# Which tone of the chord each eighth has.
PICKED = {
    "arpeggio": (0, 1, 2, 3, 2, 1, 2, 1),
    "pick": (0, 2, 1, 3, 0, 2, 3, 1),
    "counter": (2, -1, -1, -1, 3, -1, 1, -1),
}
# Scale steps over the chord's root; n leads to the next root.
BASS = {
    "eighths": "0.0.0.0.0.0.4.0.", "walk": "0...2...4...n...", "octaves": "0.7.0.7.0.7.0.7.",
    "offbeat": "..0...0...0...7.",
    "sync": "0.....0...4..7..", "fifths": "0.......4.......", "long": "0...............",
}  # fmt: skip
SHORT = {"stab", "offbeat", "chug"}
BASS_LOW, CHORD_LOW, TUNE_LOW = 31, 52, 67


@dataclass(slots=True)
class Section:
    """A stretch of bars of one kind."""

    kind: str
    tag: str = ""
    lines: list[str] = field(default_factory=list[str])
    first: int = 0
    bars: int = 0


def read_lyrics(text: str) -> list[Section]:
    """The sections of a lyric; untagged paragraphs are verses and choruses in turn."""
    sections: list[Section] = []
    tagged = bool(STAGE_DIRECTION.search(text))
    for row in text.splitlines() if tagged else text.strip().split("\n"):
        line = row.strip()
        if match := STAGE_DIRECTION.match(line):
            sections.append(Section(_kind_of(match.group()), match.group()))
            line = line[match.end() :].strip()
        elif not tagged and (not line or not sections or len(sections[-1].lines) >= 8):
            sections.append(Section(("verse", "chorus")[len(sections) % 2]))
        if word_texts(line):
            sections[-1].lines.append(line) if sections else sections.append(Section("verse", lines=[line]))
    return [s for s in sections if s.lines or s.tag]


def _kind_of(tag: str) -> str:
    said = tag.lower()
    kinds = [kind for kind in LENGTHS if kind in said] + [
        kind for word, kind in SECTION_WORDS.items() if word in said
    ]
    return kinds[0] if kinds else "verse"


def plan(sections: list[Section], bars: int) -> list[Section]:
    """The form of a piece: these sections (or the usual ones) over exactly so many bars."""
    form = sections or [Section(kind) for kind in FORM]
    if sections and bars > 12:
        form = [*([] if form[0].kind == "intro" else [Section("intro")]), *form]
        form += [] if form[-1].kind == "outro" else [Section("outro")]
    weights = [max(LENGTHS[s.kind] if not s.lines else 4, 2 * len(s.lines)) for s in form]
    while sum(weights) > bars * 1.5 and len(form) > 1:
        drop = next((i for i, s in enumerate(form) if not s.lines and s.kind != "verse"), len(form) - 1)
        del form[drop], weights[drop]
    while sections and sum(weights) * 1.5 < bars:
        again = next((s for s in sections if s.kind == "chorus"), sections[0])
        form[-1:-1] = [Section("solo"), Section(again.kind, again.tag, again.lines)]
        weights[-1:-1] = [LENGTHS["solo"], max(4, 2 * len(again.lines))]
    unit = 2 if bars > 2 * len(form) else 1
    edges = [unit * round(sum(weights[:i]) / sum(weights) * bars / unit) for i in range(len(form))] + [bars]
    for section, first, end in zip(form, edges, edges[1:], strict=False):
        section.first, section.bars = first, end - first
    return [section for section in form if section.bars > 0]


class Arranger:
    """Writes one piece; every purpose has its own chance, so that one seed keeps its tune in another style."""

    def __init__(
        self, spec: ScoreSpec, band: Band, bpm: float, tonic: int, mode: str, seconds: float
    ) -> None:
        self.spec, self.band, self.tonic, self.scale = spec, band, tonic, SCALES[mode]
        self.steps = band.style.beats * 4
        self.step = 15 / bpm
        self.bars = max(1, int((seconds - min(RING_SECONDS, seconds / 3)) / (self.steps * self.step)))
        self.seconds = seconds
        self.form = plan(read_lyrics(spec.lyrics) if not spec.instrumental else [], self.bars)
        family = PROGRESSIONS.get(band.style.harmony) or PROGRESSIONS[mode]
        order = self.chance("harmony").sample(range(len(family)), 3)
        self.harmony = {"verse": family[order[0]], "chorus": family[order[1]], "bridge": family[order[2]]}
        self.parts: dict[str, list[Note]] = {}
        self.words: list[Word] = []
        low = spec.voice == "m" or (spec.voice != "f" and self.chance("voice").random() < 0.5)
        self.singer, self.singer_low = ("baritone", 50) if low else ("alto", 60)

    def chance(self, *purpose: object) -> random.Random:
        """A source of its own for a purpose."""
        return random.Random("/".join(map(str, (self.spec.seed, *purpose))))  # noqa: S311 -- music, no secret

    def write(self) -> None:
        """Write every part."""
        order = [part for part in self.band.players if part != "drums"]
        self.chance("order").shuffle(order)
        seen: list[str] = []
        for section in self.form:
            share = PRESENT[section.kind] + 0.1 * seen.count(section.kind)
            playing = set(order[: max(2, round(share * len(order)))])
            self._section(section, playing, after=seen[-1] if seen else "")
            seen.append(section.kind)
        self._ending(order)

    def at(self, step: float) -> float:
        """When a sixteenth sounds, off-beats late by the style's swing."""
        late = self.band.style.swing * 2 if step % 4 == 2 else 0.0
        return (step + late) * self.step

    def chord(self, section: Section, bar: int) -> int:
        """The scale step a bar's chord stands on."""
        kind = (
            section.kind if section.kind in self.harmony else "chorus" if section.kind == "solo" else "verse"
        )
        return self.harmony[kind][bar % 4]

    def pitch(self, degree: int, low: int = 0) -> int:
        """The pitch of a scale step; with ``low``, in the octave above it."""
        pitch = self.tonic + 12 * (degree // 7) + self.scale[degree % 7]
        return pitch if not low else low + (pitch - low) % 12

    def add(self, part: str, pitch: int, step: float, length: float, loud: float, sound: str = "") -> None:
        """Put a note down; lengths in sixteenths."""
        voice = self.band.players[part][0] if part in self.band.players else self.singer
        start, end = self.at(step), min(self.at(step + length), self.seconds)
        if end - start > 0.01:
            note = Note(pitch, round(start, 4), round(end, 4), round(min(1.0, loud), 3), voice, sound)
            self.parts.setdefault(part, []).append(note)

    def _section(self, section: Section, playing: set[str], after: str) -> None:
        energy = ENERGY[section.kind]
        for bar in range(section.bars):
            place = (section.first + bar) * self.steps
            tones = [
                self.chord(section, bar) + third
                for third in ((0, 2, 4, 6) if self.band.style.seventh else (0, 2, 4))
            ]
            if section.kind != "intro" or bar * 2 >= section.bars:
                self._drums(section, bar, place, energy)
            for part in playing:
                pattern = self.band.players[part][1]
                if part == "bass":
                    self._bass(pattern, tones[0], self.chord(section, bar + 1), place, energy)
                elif part == "percussion":
                    self._beat(part, PERCUSSION[self.band.players[part][0]], place, energy)
                elif pattern in PICKED:
                    self._picked(part, pattern, tones, place, energy)
                elif pattern in HITS:
                    self._chords(part, pattern, tones, place, energy)
        wordless = not self.spec.instrumental and not self.spec.lyrics
        if section.lines or (wordless and section.kind in ("verse", "chorus")):
            self._sing(section, energy)
        else:
            for part, (_, pattern) in self.band.players.items():
                if pattern == "lead":
                    self._tune(part, section, energy)
        if section.kind == "chorus" and after and self.band.style.kit not in ("brushes", "soft"):
            self._effects(section.first * self.steps)

    def _drums(self, section: Section, bar: int, place: int, energy: float) -> None:
        if "drums" not in self.band.players:
            return
        groove = GROOVES[self.band.players["drums"][1]]
        fill = bar == section.bars - 1 and section.bars > 1
        self._beat("drums", groove, place, energy, until=self.steps - 4 if fill else self.steps)
        if fill:
            for number, drum in enumerate((38, 48, 45, 43)):
                self.add("drums", drum, place + self.steps - 4 + number, 1, energy * (0.6 + 0.1 * number))
        if bar == 0 and section.kind in ("chorus", "solo", "outro"):
            self.add("drums", 49, place, 8, energy * 0.8)

    def _beat(self, part: str, groove: dict[int, str], place: int, energy: float, until: int = 16) -> None:
        for drum, beats in groove.items():
            for step, hit in enumerate(beats[: min(until, self.steps)]):
                if hit != ".":
                    self.add(part, drum, place + step, 1, int(hit) / 9 * energy)

    def _bass(self, pattern: str, root: int, following: int, place: int, energy: float) -> None:
        for step, length, mark in _hits(BASS[pattern][: self.steps]):
            degree = following - 1 if mark == "n" else root + int(mark)
            low = self.pitch(root, BASS_LOW) + self.pitch(degree) - self.pitch(root)
            self.add(
                "bass",
                low if mark != "n" else self.pitch(degree, BASS_LOW),
                place + step,
                length * 0.92,
                energy * 0.85,
            )

    def _chords(self, part: str, pattern: str, tones: list[int], place: int, energy: float) -> None:
        low = CHORD_LOW - 12 if pattern == "chug" else CHORD_LOW + 5 * (part in ("strings", "brass"))
        for step, length, mark in _hits(HITS[pattern][: self.steps]):
            held = min(length, 1.6) if pattern in SHORT else length * 0.97
            for degree in (tones[0], tones[2]) if pattern == "chug" else tones:
                self.add(part, self.pitch(degree, low), place + step, held, int(mark) / 9 * energy)

    def _picked(self, part: str, pattern: str, tones: list[int], place: int, energy: float) -> None:
        ladder = sorted(self.pitch(tone, CHORD_LOW + 3) for tone in tones)
        ladder = [*ladder, ladder[0] + 12][: max(4, len(tones))]
        held = 6 if pattern == "counter" else 2.6
        for number, tone in enumerate(PICKED[pattern][: self.steps // 2]):
            if tone >= 0:
                self.add(
                    part,
                    ladder[tone] + 12 * (pattern == "counter"),
                    place + 2 * number,
                    held,
                    energy * (0.7 if number % 4 else 0.8),
                )

    def phrase(self, kind: str, turn: int, count: int, window: int) -> list[tuple[int, int, int]]:
        """A phrase of so many notes: step, length and scale step of each; turns go AABA."""
        chance = self.chance("tune", kind, "AABA"[turn % 4], count, window)
        unit = 2 if count <= window * 0.45 else 1
        span = min(window // unit, max(count, round(count * 1.5)))
        turned = chance.randrange(max(1, span // count + 1))
        places = [unit * ((number * span + turned) // count) for number in range(count)]
        degree, made = chance.choice((0, 2, 4)), list[tuple[int, int, int]]()
        for number, place in enumerate(places):
            following = places[number + 1] if number + 1 < count else min(window, place + 6)
            made.append((place, max(1, following - place), degree))
            pull = -1 if degree > 5 or number > count * 0.6 else 1 if degree < 0 else 0
            degree += chance.choice((-2, -1, -1, 1, 1, 2, 0, 3)) + pull
        return made

    def _melody(
        self,
        part: str,
        section: Section,
        place: int,
        turn: int,
        count: int,
        window: int,
        low: int,
        loud: float,
        sounds: list[str],
    ) -> list[Note]:
        sung: list[Note] = []
        lift = 2 if section.kind == "chorus" else 0
        tune = self.phrase(section.kind, turn, count, window)
        for number, (step, length, degree) in enumerate(tune):
            bar = (place + step) // self.steps - section.first
            root = self.chord(section, bar)
            degree += lift
            if step % 8 == 0 or length >= 4 or number == count - 1:
                degree = min(
                    range(degree - 2, degree + 3),
                    key=lambda d: ((d - root) % 7 not in (0, 2, 4), abs(d - degree)),
                )
            pitch = self.pitch(degree) + 12 * round((low + 4 - self.tonic) / 12)
            self.add(
                part,
                pitch,
                place + step,
                length * 0.95,
                loud * (1.0 if step % 4 == 0 else 0.88),
                sounds[number] if sounds else "",
            )
            sung.append(self.parts[part][-1])
            if part == "vocal" and section.kind == "chorus":
                third = self.pitch(degree + 2) + 12 * round((low + 4 - self.tonic) / 12)
                self.add("backing_vocals", third, place + step, length * 0.95, loud * 0.6, sounds[number])
        return sung

    def _tune(self, part: str, section: Section, energy: float) -> None:
        chance = self.chance("lead", section.kind)
        counts = chance.randint(6, 9), chance.randint(5, 8)
        for turn, bar in enumerate(range(0, section.bars, 2)):
            window = (min(2, section.bars - bar)) * self.steps - 2
            count = min(counts[turn % 2], window // 3)
            self._melody(
                part,
                section,
                (section.first + bar) * self.steps,
                turn,
                count,
                window,
                TUNE_LOW,
                energy * 0.85,
                [],
            )

    def _sing(self, section: Section, energy: float) -> None:
        lines = section.lines or ["ooh la la ooh ooh", "aah ooh la ooh"] * max(1, section.bars // 4)
        spacing = section.bars * self.steps / len(lines)
        tag = section.tag
        for turn, line in enumerate(lines):
            half = self.steps // 2
            place = section.first * self.steps + int(turn * spacing / half) * half
            words = [(word, list(syllables_of(word))) for word in word_texts(line)]
            count = sum(len(said) for _, said in words)
            window = max(half, int(min(spacing, 2 * self.steps))) - 2
            sounds = [f"{onset} {vowel}".strip() for _, said in words for vowel, onset in said]
            shown = min(count, window)
            notes = self._melody(
                "vocal", section, place, turn, shown, window, self.singer_low, energy * 0.9, sounds
            )
            if section.lines:
                self._spell(words, notes, tag)
                tag = ""

    def _spell(self, words: list[tuple[str, list[tuple[str, str]]]], notes: list[Note], tag: str) -> None:
        done = 0
        for number, (word, said) in enumerate(words):
            own = notes[min(done, len(notes) - 1) : done + len(said)] or notes[-1:]
            done += len(said)
            text = (
                (f"{tag}\n" if tag and not number else "")
                + word
                + ("\n" if number == len(words) - 1 else " ")
            )
            self.words.append(Word(text, own[0].start, own[-1].end))

    def _effects(self, step: int) -> None:
        length = min(step, self.steps)
        self.band.players.setdefault("fx", ("effects", ""))
        self.add("fx", 60, step - length, length, 0.6, "riser")
        self.add("fx", 36, step, self.steps // 2, 0.7, "impact")

    def _ending(self, order: list[str]) -> None:
        """The last chord, held to the end."""
        place = self.bars * self.steps
        length = max(2.0, (self.seconds - self.at(place)) / self.step - 3)
        for part in order:
            if part == "bass":
                self.add(part, self.pitch(0, BASS_LOW), place, length, 0.7)
            elif self.band.players[part][1] in {*HITS, *PICKED}:
                for tone in (0, 2, 4):
                    self.add(part, self.pitch(tone, CHORD_LOW), place, length, 0.6)
        if "drums" in self.band.players:
            self.add("drums", 36, place, 1, 0.7)
            self.add("drums", 49, place, 8, 0.6)


def _hits(pattern: str) -> list[tuple[int, int, str]]:
    """Step, length to the next hit, and mark of every hit."""
    places = [step for step, mark in enumerate(pattern) if mark != "."]
    return [
        (step, following - step, pattern[step])
        for step, following in zip(places, [*places[1:], len(pattern)], strict=True)
    ]
