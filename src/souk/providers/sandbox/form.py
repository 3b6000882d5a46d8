"""The form of a piece of sandbox music: the sections of its lyrics, or the usual ones, laid out over its bars."""

from dataclasses import dataclass, field

from souk.providers.sandbox.syllables import STAGE_DIRECTION, word_texts

LENGTHS = {"intro": 4, "verse": 8, "chorus": 8, "bridge": 4, "solo": 8, "outro": 4}
"""Bars a section without lines likes to have."""
FORM = ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro")
KINDS = {
    "pre": "verse",
    **{kind: kind for kind in LENGTHS},
    **dict.fromkeys(("hook", "refrain", "drop"), "chorus"),
    **dict.fromkeys(("break", "instrumental"), "solo"),
}
"""What a section is whose tag holds these words; the first counts."""


@dataclass(slots=True, eq=False)
class Section:
    """A stretch of bars of one kind; like no other, even where it says the same."""

    kind: str
    tag: str = ""
    lines: list[str] = field(default_factory=list[str])
    first: int = 0
    bars: int = 0
    following: str = ""


def read_lyrics(text: str) -> list[Section]:
    """The sections of a lyric; untagged paragraphs are verses and choruses in turn."""
    sections: list[Section] = []
    tagged = bool(STAGE_DIRECTION.search(text))
    for row in text.strip().splitlines():
        line = row.strip()
        if match := STAGE_DIRECTION.match(line):
            tag = match.group()
            sections.append(
                Section(next((kind for word, kind in KINDS.items() if word in tag.lower()), "verse"), tag)
            )
            line = line[match.end() :].strip()
        elif not sections or (not tagged and (not line or len(sections[-1].lines) >= 8)):
            sections.append(Section("verse" if tagged else ("verse", "chorus")[len(sections) % 2]))
        if word_texts(line):
            sections[-1].lines.append(line)
    return [section for section in sections if section.lines or section.tag]


def plan(sung: list[Section], bars: int, left_out: set[str]) -> list[Section]:
    """The form of a piece: these sections, or the usual ones, over exactly so many bars."""
    form = list(sung) or [Section(kind) for kind in FORM]
    if sung and bars > 12:
        form = [*([] if form[0].kind == "intro" else [Section("intro")]), *form]
        form += [] if form[-1].kind == "outro" else [Section("outro")]
    form = [s for s in form if s.lines or s.kind not in left_out] or [Section("verse")]
    while usual_bars(form) > bars * 1.5 and len(form) > 1:
        spare = [s for s in form if not s.lines and s.kind not in ("verse", "chorus")]
        form.remove(spare[0] if spare else form[-1])
    again = next((s for s in sung if s.kind == "chorus"), sung[0] if sung else Section("chorus"))
    while usual_bars(form) * 1.5 < bars:
        form[-1:-1] = [Section("solo"), Section(again.kind, again.tag, again.lines)]
    unit = 2 if bars > 2 * len(form) else 1
    whole, done = usual_bars(form), 0
    for section, following in zip(form, [*form[1:], None], strict=True):
        section.first = unit * round(done / whole * bars / unit)
        done += usual_bars([section])
        section.bars = (unit * round(done / whole * bars / unit) if following else bars) - section.first
        section.following = following.kind if following else ""
    return [section for section in form if section.bars > 0]


def usual_bars(form: list[Section]) -> int:
    """How many bars these sections like to have."""
    return sum(max(4, 2 * len(s.lines)) if s.lines else LENGTHS[s.kind] for s in form)
