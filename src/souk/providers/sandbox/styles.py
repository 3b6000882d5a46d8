"""What style words mean to the sandbox's composer: tempo, mode, groove, and who plays what."""

import re
from dataclasses import dataclass

from souk.providers.sandbox.ask import crc

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
# Chord roots as scale steps, one a bar.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 0, 4), (0, 5, 1, 4), (3, 4, 2, 5)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 6), (5, 6, 0, 0), (0, 2, 6, 3), (3, 0, 6, 5)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 3, 0), (1, 4, 0, 5), (3, 0, 4, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 0, 3, 6), (3, 0, 6, 0), (0, 4, 6, 3), (6, 3, 0, 0)),
    "phrygian": ((0, 1, 0, 6), (0, 5, 1, 0), (0, 0, 1, 6), (5, 6, 0, 1), (3, 1, 0, 0)),
    "jazz": ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (3, 4, 2, 5), (1, 4, 0, 0)),
}
# General MIDI drum numbers -> sixteenths of a bar; a digit is how hard it is struck.
GROOVES: dict[str, dict[int, str]] = {
    "rock": {36: "9.....6.9.7.....", 38: "....9.......9..2", 42: "7.4.7.4.7.4.7.4."},
    "metal": {36: "9.779.779.779.77", 38: "....9.......9...", 51: "8...8...8...8..."},
    "house": {36: "9...9...9...9...", 39: "....8.......8...", 46: "..6...6...6...6.", 42: "3..33..33..33..3"},
    "techno": {
        36: "9...9...9...9...",
        42: "2.522.522.522.52",
        46: "..7...7...7...7.",
        37: "...4..4....4..3.",
    },
    "hiphop": {36: "9..5..7...8.....", 38: "....9.......9...", 42: "6.4.6.43646.4.64"},
    "trap": {36: "9.....7...8..5..", 39: "........9.......", 42: "6.4.6.446.4.6444"},
    "lofi": {36: "8......5.7......", 38: "....7.......7..2", 42: "5.3.5.3.5.3.5.34"},
    "swing": {36: "4...3...4...3...", 51: "7...7.5.7...7.5.", 44: "....6.......6...", 38: "......2....3...."},
    "bossa": {36: "7..56..57..56..5", 37: "6..6..6...6..6..", 42: "4.343.344.343.34"},
    "waltz": {36: "8...........", 38: "....4...4...", 51: "5...3...3..."},
    "folk": {36: "7.......6.......", 38: "....5.......5...", 42: "3.2.3.2.3.2.3.2."},
    "funk": {36: "9..7..6...7..5..", 38: "....9..2.2..9..3", 42: "7455745574557455"},
    "reggae": {36: "........9.......", 37: "........7.......", 42: "..7...7...7...7."},
    "march": {36: "6.......5.......", 38: "3..23..23..23222"},
    "none": {},
}
PERCUSSION: dict[str, dict[int, str]] = {
    "shaker": {82: "4256425642564256"},
    "tambourine": {54: "..3.6.3...3.6.3."},
    "conga": {63: "5..36..35..36.53", 62: "..4...5...4...5."},
    "timpani": {41: "7...............", 43: "............5.5."},
}


@dataclass(frozen=True, slots=True)
class Style:
    """One family of music."""

    words: str
    bpm: tuple[int, int]
    modes: str
    groove: str
    kit: str
    players: str
    """``part voice pattern`` triples; the pattern ``lead`` is who plays the melody when nobody sings."""
    swing: float = 0.0
    """How late the off-beats are, as a share of their length."""
    beats: int = 4
    harmony: str = ""
    seventh: bool = False


STYLES: dict[str, Style] = {
    "pop": Style(
        "pop chart catchy radio kpop teen",
        (100, 124),
        "major minor",
        "rock",
        "studio",
        "bass picked eighths, keyboard piano comp, guitar clean strum, synth saw lead, strings section pad, "
        "percussion tambourine beat",
    ),
    "rock": Style(
        "rock punk grunge britpop garage indie",
        (112, 146),
        "major mixolydian minor",
        "rock",
        "rock",
        "bass picked eighths, guitar crunch strum, keyboard organ hold, synth solo lead",
    ),
    "metal": Style(
        "metal thrash doom hardcore heavy",
        (132, 172),
        "phrygian minor",
        "metal",
        "rock",
        "bass picked eighths, guitar distorted chug, synth solo lead, strings section pad",
    ),
    "folk": Style(
        "folk country acoustic singer-songwriter americana bluegrass celtic ballad",
        (84, 112),
        "major mixolydian",
        "folk",
        "brushes",
        "guitar steel pick, bass upright fifths, strings fiddle lead, woodwinds flute counter, "
        "percussion shaker beat",
    ),
    "jazz": Style(
        "jazz swing bebop bigband blues noir",
        (104, 152),
        "dorian major",
        "swing",
        "brushes",
        "bass upright walk, keyboard piano offbeat, guitar jazz comp, woodwinds sax lead, brass trumpet stab",
        0.33,
        harmony="jazz",
        seventh=True,
    ),
    "techno": Style(
        "techno trance rave industrial minimal acid",
        (126, 140),
        "minor phrygian",
        "techno",
        "electronic",
        "bass sub offbeat, synth square arpeggio, keyboard bells lead, strings pad pad, percussion shaker beat",
    ),
    "house": Style(
        "house disco edm dance club garage electronic electro",
        (118, 128),
        "minor dorian",
        "house",
        "electronic",
        "bass sub octaves, keyboard piano offbeat, synth saw lead, strings section pad, brass section stab, "
        "percussion conga beat",
    ),
    "ambient": Style(
        "ambient drone meditation calm sleep relaxing spa space ethereal new-age",
        (58, 76),
        "major dorian",
        "none",
        "soft",
        "synth pad pad, keyboard bells lead, strings pad hold, bass sub long, woodwinds flute counter",
    ),
    "classical": Style(
        "classical orchestral orchestra symphony cinematic epic film baroque opera trailer score",
        (72, 108),
        "minor major",
        "march",
        "soft",
        "strings section arpeggio, woodwinds clarinet counter, brass horn pad, keyboard piano lead, "
        "bass cello long, percussion timpani beat",
    ),
    "piano": Style(
        "piano solo nocturne romantic lullaby",
        (66, 88),
        "major minor",
        "none",
        "soft",
        "keyboard piano arpeggio, strings section pad, woodwinds flute lead, bass cello long",
    ),
    "hip hop": Style(
        "hip-hop hip hop rap boom-bap r&b rnb soul urban",
        (84, 98),
        "minor dorian",
        "hiphop",
        "808",
        "bass sub sync, keyboard electric comp, synth square lead, strings section pad, percussion shaker beat",
        0.12,
        seventh=True,
    ),
    "trap": Style(
        "trap drill phonk dubstep bass",
        (132, 148),
        "minor phrygian",
        "trap",
        "808",
        "bass sub sync, keyboard bells arpeggio, synth square lead, strings pad pad",
    ),
    "lofi": Style(
        "lofi lo-fi lo chill chillhop study mellow beats",
        (70, 86),
        "dorian major",
        "lofi",
        "808",
        "bass upright sync, keyboard electric comp, guitar jazz pick, woodwinds flute lead",
        0.2,
        harmony="jazz",
        seventh=True,
    ),
    "synthwave": Style(
        "synthwave retrowave 80s eighties cyberpunk vaporwave neon retro synth",
        (92, 118),
        "minor",
        "rock",
        "electronic",
        "bass square eighths, synth saw arpeggio, keyboard bells lead, strings pad pad",
    ),
    "bossa": Style(
        "bossa nova samba latin brazilian salsa tropical rumba tango",
        (112, 138),
        "major dorian",
        "bossa",
        "brushes",
        "guitar nylon bossa, bass upright fifths, woodwinds flute lead, keyboard piano offbeat, "
        "percussion conga beat",
        harmony="jazz",
        seventh=True,
    ),
    "waltz": Style(
        "waltz vienna musette ballroom carousel",
        (132, 168),
        "major minor",
        "waltz",
        "brushes",
        "bass cello long, strings section offbeat, keyboard accordion lead, woodwinds clarinet counter",
        beats=3,
    ),
    "funk": Style(
        "funk funky groove motown afrobeat gospel",
        (96, 114),
        "dorian mixolydian",
        "funk",
        "studio",
        "bass slap sync, guitar clean offbeat, keyboard organ hold, brass section stab, woodwinds sax lead",
        0.08,
        seventh=True,
    ),
    "reggae": Style(
        "reggae dub ska dancehall island",
        (72, 90),
        "major minor",
        "reggae",
        "studio",
        "bass sub sync, guitar clean offbeat, keyboard organ offbeat, brass section lead, percussion conga beat",
    ),
}
# An instrument's name in the text brings its player in: word -> part, voice, pattern.
NAMED_PLAYERS = {
    "piano": "keyboard piano comp", "organ": "keyboard organ hold", "rhodes": "keyboard electric comp",
    "accordion": "keyboard accordion hold", "bells": "keyboard bells arpeggio", "guitar": "guitar steel pick",
    "ukulele": "guitar nylon strum", "banjo": "guitar steel pick", "violin": "strings fiddle counter",
    "fiddle": "strings fiddle counter", "strings": "strings section pad", "cello": "strings section hold",
    "sax": "woodwinds sax counter", "saxophone": "woodwinds sax counter", "flute": "woodwinds flute counter",
    "clarinet": "woodwinds clarinet counter", "trumpet": "brass trumpet counter", "horns": "brass section stab",
    "brass": "brass section stab", "synth": "synth saw arpeggio", "pads": "synth pad pad",
    "congas": "percussion conga beat", "shaker": "percussion shaker beat",
}  # fmt: skip
MOODS = {
    "minor": "sad dark melancholic melancholy moody gloomy haunting angry tense lonely",
    "major": "happy uplifting joyful bright cheerful sunny hopeful warm",
}
PACES = {0.86: "slow gentle soft laid-back downtempo relaxed", 1.12: "fast upbeat energetic driving uptempo"}


@dataclass(frozen=True, slots=True)
class Band:
    """What a style text comes down to."""

    style: Style
    mode: str
    bpm: int
    players: dict[str, tuple[str, str]]
    """Part -> voice and pattern."""


def band_for(text: str, avoid: str, seed: int) -> Band:
    """Who plays, how fast and in which mode. Words nobody knows choose by their letters' sum."""
    words = re.findall(r"[\w&'-]+", text.lower())
    found = [name for word in words for name, style in STYLES.items() if word in style.words.split()]
    chosen = found or [list(STYLES)[crc(" ".join(words) or str(seed)) % len(STYLES)]]
    style = STYLES[max(chosen, key=lambda name: (chosen.count(name), -chosen.index(name)))]
    players: dict[str, tuple[str, str]] = {}
    named = [NAMED_PLAYERS[word] for word in words if word in NAMED_PLAYERS]
    for player in [*style.players.split(", "), *named]:
        part, voice, pattern = player.split()
        kept = players.get(part, ("", pattern))[1]
        players[part] = voice, kept
    if style.groove != "none":
        players["drums"] = style.kit, style.groove
    for part in [part for part in players if part.rstrip("s") in avoid.lower()]:
        del players[part]
    modes = style.modes.split()
    mode = modes[seed // 7 % len(modes)]
    mood = next((mood for mood, said in MOODS.items() if set(words) & set(said.split())), mode)
    third = {"minor": 3, "major": 4}.get(mood)
    mode = mode if third is None or third in SCALES[mode] else mood
    pace = next((pace for pace, said in PACES.items() if set(words) & set(said.split())), 1.0)
    low, high = style.bpm
    return Band(style, mode, round((low + seed // 3 % (high - low + 1)) * pace), players)
