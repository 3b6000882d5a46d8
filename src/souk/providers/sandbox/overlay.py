"""What is laid over every frame of a clip: the mark, the caption, and bars that follow a voice."""

from PIL import Image

from souk.providers.sandbox.caption import caption, mark
from souk.providers.sandbox.film import SOUND_RATE, Frame, Sheet
from souk.providers.sandbox.sizes import Size
from souk.providers.sandbox.soundtrack import GATE_SECONDS, loudness
from souk.providers.sandbox.voice import Samples

BARS = 28


class Overlay:
    """Everything laid over a clip: the mark, the caption, and bars that follow the voice of an avatar."""

    def __init__(self, size: Size, fps: float, words: str, veil: float, voice: Samples | None) -> None:
        """``words``: the caption, empty for none, on a veil of this strength (0-1).

        ``voice``: the sound the bars follow, None for no bars.
        """
        corner, foot = Image.new("RGBA", size), Image.new("RGBA", size)
        mark(corner)
        caption(foot, words, veil)
        self._sheets = [_cut(corner), _cut(foot)]
        self._levels = loudness(voice, SOUND_RATE) if voice is not None else None
        self._size, self._fps = size, fps
        self._bar = (max(2, size[0] // 200), max(2, size[1] // 14))

    def lay_on(self, frame: Frame, number: int) -> None:
        for cut in self._sheets:
            if cut:
                cut[0].lay_on(frame, cut[1])
        if self._levels is not None and self._levels.size:
            self._draw_bars(frame, number, self._levels)

    def _draw_bars(self, frame: Frame, number: int, levels: Samples) -> None:
        width, height = self._size
        thick, tallest = self._bar
        peak = max(1e-4, float(levels.max()))
        now = number / self._fps / GATE_SECONDS
        left, middle = (width - BARS * thick * 2) // 2, int(height * 0.84)
        for bar in range(BARS):
            at = int(now + bar - BARS / 2)
            level = float(levels[at]) / peak if 0 <= at < levels.size else 0.0
            tall = max(thick // 2, int(tallest * level / 2))
            x = left + bar * thick * 2
            frame.y.paste(228, (x, middle - tall, x + thick, middle + tall))


def _cut(layer: Image.Image) -> tuple[Sheet, tuple[int, int]] | None:
    """The part of a transparent layer that holds anything, on even borders, and where it goes."""
    box = layer.getbbox()
    if box is None:
        return None
    left, top = box[0] // 2 * 2, box[1] // 2 * 2
    right, bottom = min(layer.width, (box[2] + 1) // 2 * 2), min(layer.height, (box[3] + 1) // 2 * 2)
    return Sheet(layer.crop((left, top, right, bottom))), (left, top)
