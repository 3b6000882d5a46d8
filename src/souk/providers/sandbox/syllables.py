"""Text as it is said or sung: words, their syllables with vowel and onset, and the marks that pause."""

import re
from collections.abc import Iterator

PAUSES = {
    **dict.fromkeys(",;:，；：、—–", 0.17),
    **dict.fromkeys(".!?…。！？\n", 0.36),
}
HISSES, STOPS, HUMS = "sfzvxhcjшжсфчщ", "ptkbdgqпткбдг", "mnlrwyмнлрй"
TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+(?:['’]\w+)*|[,;:.!?…，；：、。！？—–\n]"
)
VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüаеёиоуыэюя]+", re.IGNORECASE)
SILENT_END = re.compile(
    r"(?:[bcdfghjkmnprstvwxz]|[aeiouy]l)e$|[bcfghjkmnprsvwxz]ed$|[bdfkmnprtvw]es$", re.IGNORECASE
)
"""How English words end whose last vowel is not said: ``home``, ``closed``, ``times``."""
STAGE_DIRECTION = re.compile(r"\[[^\]]{1,40}\]")


def word_texts(text: str) -> list[str]:
    """The words of a text, punctuation left out."""
    return [token for token in TOKEN.findall(STAGE_DIRECTION.sub(" ", text)) if token not in PAUSES]


def syllables_of(word: str) -> Iterator[tuple[str, str]]:
    """Each syllable's vowel and onset. Scripts without our vowels get ones by their letters' numbers."""
    groups = list(VOWELS.finditer(word))
    if len(groups) > 1 and SILENT_END.search(word):
        groups.pop()
    if not groups:
        letters = word if word.isdigit() else word[:3] if ord(word[0]) > 0x52F else word[:1]
        for letter in letters:
            yield "aeiou"[ord(letter) % 5], ("hiss", "stop", "hum", "")[ord(letter) // 5 % 4]
        return
    for group in groups:
        before = word[group.start() - 1].lower() if group.start() else ""
        onset = (
            "hiss"
            if before and before in HISSES
            else "stop"
            if before and before in STOPS
            else "hum"
            if before and before in HUMS
            else ""
        )
        letter = group.group()[0].lower()
        yield letter if letter in "aeiou" else "aeiou"[ord(letter) % 5], onset
