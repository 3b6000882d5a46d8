"""A mask in black and white as a picture whose transparent parts are to be repainted."""

from PIL import Image

from souk.providers.children.given import CannotUse
from souk.providers.children.results import Made, filled
from souk.providers.local.resize import flat, open_picture
from souk.providers.local.work import Work

MIDDLE = 128
"""Grey from here on is kept; darker is repainted."""


def make_alpha_mask(work: Work) -> Made:
    """Do a mask job: of the first file a mask with the pixels of the second. Raises CannotUse."""
    if len(work.media) != 2:
        raise CannotUse("A mask is made for one picture.")
    drawn, _ = open_picture(work.media[0])
    picture, _ = open_picture(work.media[1])
    kept = flat(drawn).convert("L").resize(picture.size, Image.Resampling.NEAREST)
    alpha = kept.point([0] * MIDDLE + [255] * (256 - MIDDLE))
    mask = Image.new("LA", picture.size, 0)
    mask.putalpha(alpha)
    path = work.folder / "mask.png"
    mask.convert("RGBA").save(path, optimize=True)
    made = Made()
    made.add(path, "image/png")
    made.result = filled(work.output, 1)
    return made
