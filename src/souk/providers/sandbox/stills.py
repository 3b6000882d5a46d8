"""Picture jobs: paint from words, or transform what is given; write each picture in the asked size and format."""

from collections.abc import Iterator

from PIL import Image, ImageFilter

from souk.providers.children.results import Made, filled
from souk.providers.sandbox import edit
from souk.providers.sandbox.ask import Ask
from souk.providers.sandbox.caption import OVER_GIVEN, OVER_PAINTED, caption, mark
from souk.providers.sandbox.picture import paint, seed_of
from souk.providers.sandbox.sizes import Size, picture_size
from souk.providers.sandbox.stamp import save_picture

MAX_REFERENCES = 6
"""Given pictures that are let into one result; more would be slivers."""


def make_pictures(ask: Ask) -> Made:
    """Do a picture job. Raises CannotUse."""
    made = Made()
    extension = "png" if ask.output.get("alpha") else str(ask.output.get("extension") or "png")
    for number, picture in enumerate(_pictures(ask)):
        made.add(*save_picture(picture, ask.folder, str(number), extension))
    made.result = filled(ask.output, len(made.files))
    return made


def make_layers(ask: Ask) -> Made:
    """Take a given picture apart: the whole, its ground, its subject, each a file with its place."""
    whole = edit.open_picture(ask.of_kind("image")[0])
    size = picture_size(ask.output, whole.size)
    whole = edit.enlarged(whole, size)
    subject = edit.cut_out(whole)
    ground = whole.resize((max(1, size[0] // 12), max(1, size[1] // 12))).filter(ImageFilter.MedianFilter(7))
    ground = ground.resize(size, Image.Resampling.BICUBIC)
    made, layers = Made(), list[dict[str, object]]()
    box = subject.getchannel("A").point([0] * 96 + [255] * 160).getbbox() or (0, 0, *size)
    for z, (name, layer, place) in enumerate(
        (
            ("base", whole, (0, 0, *size)),
            ("background", ground, (0, 0, *size)),
            ("subject", subject.crop(box), box),
        )
    ):
        mark(layer)
        extension = "png" if layer.mode == "RGBA" else str(ask.output.get("extension") or "png")
        url = made.add(*save_picture(layer, ask.folder, str(z), extension))
        layers.append({"z_index": z, "name": name, "url": url, "bounding_box": {"absolute": list(place)}})
    urls = [{"$file": number} for number in range(len(made.files))]
    made.result = {"resultUrls": urls, "resultObject": {"layers_data": layers}}
    return made


def picture_of(ask: Ask, size: Size, seed: int, words: str = "") -> Image.Image:
    """One picture for a job without words on it yet: painted, or made from the given pictures."""
    given = ask.of_kind("image")[:MAX_REFERENCES]
    if not given:
        return paint(words or ask.words, seed, size)
    pictures = [edit.open_picture(each) for each in given]
    masked = ask.mask()
    mask = edit.open_picture(masked, "L") if masked else None
    return edit.edited(pictures, mask, words or ask.words, seed, size)


def _pictures(ask: Ask) -> Iterator[Image.Image]:
    given = ask.of_kind("image")
    followed = ask.followed("follow", ("image",))
    size = picture_size(ask.output, edit.open_picture(followed).size if followed else None)
    for number in range(ask.count):
        seed = seed_of(ask.seed, number) if number else ask.seed
        captioned = True
        if given and ask.task == "background-removal":
            picture, captioned = edit.cut_out(edit.open_picture(given[0])), False
        elif given and ask.task == "upscale":
            picture, captioned = edit.enlarged(edit.open_picture(given[0]), size), False
        elif given and ask.task == "reframe":
            picture = edit.reframed(edit.open_picture(given[0]), size)
        else:
            picture = picture_of(ask, size, seed)
            if ask.output.get("alpha"):
                picture = edit.cut_out(picture)
        if captioned and picture.mode == "RGB":
            caption(picture, ask.words, OVER_GIVEN if given else OVER_PAINTED)
        mark(picture)
        yield picture
