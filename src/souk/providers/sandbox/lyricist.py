"""Made-up lyrics: verses and a chorus around the words of a request, the same ones for the same seed."""

import random
import re
from dataclasses import dataclass

from souk.providers.sandbox.syllables import STAGE_DIRECTION

# Couplets that rhyme; {it} is what the song is about.
VERSES = (
    ("I heard the {it} before the break of day", "it hummed a tune and would not go away"),
    ("There is a road that only the {it} knows", "it bends with the river and follows where it goes"),
    ("We kept a lantern burning by the door", "and the {it} kept walking on the wooden floor"),
    ("The town was sleeping under silver light", "when the {it} came calling in the middle of the night"),
    ("You drew a map of the {it} on my sleeve", "and said it is a promise when the swallows leave"),
    ("My grandfather swore by the {it} and the sea", "he carved their names together in the old oak tree"),
    ("I packed two letters and a coat of blue", "the {it} was waiting and I thought of you"),
    ("The clocks ran slowly and the coffee cold", "the {it} told stories that are never old"),
)
CHORUSES = (
    ("Oh {it}, {it}, take me home", "over the hills where the wild winds roam"),
    ("Sing it louder, let the {it} ring", "one more summer and the heart takes wing"),
    ("Hold on, hold on, the {it} will stay", "when all of the colours are washed away"),
    ("Here comes the {it}, here comes the light", "nobody is lonely in the world tonight"),
    ("Run with the {it}, run to the shore", "we never were younger than we were before"),
)
BRIDGES = (
    ("And if the morning forgets my name", "the {it} and I will remember the same"),
    ("Slow down, slow down, let the silence in", "the {it} will tell us where to begin"),
    ("Nothing is lost that the {it} has known", "nothing we carry is carried alone"),
)
AROUND = (
    "a an and about at by for from her his i in into is it its me my of on or our over song songs sung music tune "
    "lyrics lyric track write make create compose sing please some something style like with without the this that "
    "these those to up us very we where who will you your as be are was version add soft quiet calm slow fast warm "
    "upbeat happy sad folk pop rock jazz blues metal techno house ambient lofi lo-fi hip hop rap indie country soul "
    "classical electronic dance acoustic piano guitar drums bass instrumental vocal vocals male female"
)
"""What requests say around their subject."""
SUBJECT = re.compile(r"\babout\b(.+)", re.IGNORECASE | re.DOTALL)
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
MOST_WORDS = 3
NOBODY_KNOWS = "melody"
"""What a song is about where the request does not say."""


@dataclass(frozen=True, slots=True)
class Lyrics:
    """A song's words."""

    title: str
    text: str
    """Lines under section tags such as ``[Verse 1]``."""


def write_lyrics(request: str, seed: int) -> Lyrics:
    """Words for what was asked for."""
    chance = random.Random(f"lyrics/{seed}")  # noqa: S311 -- a song, no secret
    it = subject_of(request)
    verses, chorus = chance.sample(VERSES, 4), chance.sample(CHORUSES, 2)
    sung = {
        "[Verse 1]": verses[:2],
        "[Chorus]": chorus,
        "[Verse 2]": verses[2:],
        "[Chorus 2]": chorus,
        "[Bridge]": [chance.choice(BRIDGES)],
        "[Outro]": chorus[:1],
    }
    sections = [
        "\n".join([tag, *(line.format(it=it) for couplet in couplets for line in couplet)])
        for tag, couplets in sung.items()
    ]
    return Lyrics(title_of(request), "\n\n".join(sections))


def subject_of(request: str) -> str:
    """What a request is about, in at most a few words."""
    text = STAGE_DIRECTION.sub(" ", request)
    told = SUBJECT.search(text)
    words = [word for word in WORD.findall(told[1] if told else text) if word.lower() not in AROUND.split()]
    return " ".join(words[:MOST_WORDS]).lower()[:40] or NOBODY_KNOWS


def title_of(request: str) -> str:
    """A title for a song that was given none."""
    return " ".join(word[:1].upper() + word[1:] for word in subject_of(request).split())


def is_lyrics(text: str) -> bool:
    """Whether a text is words to sing rather than a wish: it has section tags or several lines."""
    return bool(STAGE_DIRECTION.search(text)) or len(text.strip().splitlines()) > 1
