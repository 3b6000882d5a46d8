"""A given picture or sound as an upstream takes it: of a type it reads, no larger than it allows, without its metadata.

Pictures are set upright and brought into the colours of screens, because not every reader heeds what metadata says.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from PIL import Image, ImageCms

from souk.providers.children.given import CannotUse, Given
from souk.providers.children.results import Made
from souk.providers.children.shrink import Size, shrunk
from souk.providers.local.resize import PIXELS_MAX, flat, open_picture
from souk.providers.local.work import Work

FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
"""What is written, in order of preference: JPEG is read everywhere."""
CLEAR: Final = ("image/png", "image/webp")
"""What keeps transparency."""
EXTENSIONS: Final = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
QUALITIES: Final = (92, 85, 75, 60)
"""Tried in turn until a picture is small enough; then it is scaled."""
MOST_SCALINGS: Final = 12
MARGIN: Final = 0.95
HEIC: Final = "image/heic"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken; 0 is no limit."""

    types: frozenset[str]
    max_bytes: int
    max_pixels: int
    max_edge: int
    min_edge: int

    @classmethod
    def read(cls, work: Work) -> "Limits":
        told = work.input
        numbers = {name: int(told[name]) for name in ("max_bytes", "max_pixels", "max_edge", "min_edge")}
        return cls(frozenset(told["types"]), **numbers)

    def holds(self, data: bytes) -> bool:
        return not self.max_bytes or len(data) <= self.max_bytes


def fit_picture(work: Work) -> Made:
    """Do a job. The result tells ``fits``, and ``size``, ``was`` and ``frames`` of what was made. Raises CannotUse."""
    (given,), limits = work.media, Limits.read(work)
    try:
        picture, frames = _opened(given)
        was, small_enough = (
            picture.size,
            not limits.max_bytes or given.path.stat().st_size <= limits.max_bytes,
        )
        size = shrunk(was, limits.max_pixels, limits.max_edge, limits.min_edge)
        made = Made(result={"fits": size is not None, "size": list(was), "was": list(was), "frames": frames})
        if size is None or (size == was and small_enough and given.media_type in limits.types):
            return made
        scaled = picture if size == was else picture.resize(size, Image.Resampling.LANCZOS)
        written = _written(scaled, limits, given.media_type)
    except CannotUse:
        raise
    except Exception as error:  # whatever a broken file makes a decoder do, it is the file's fault
        raise CannotUse(f"The file of {given.field} cannot be read as an image.") from error
    if written is None:
        made.result["fits"] = False
        return made
    data, form, size = written
    made.result["size"] = list(size)
    path = work.folder / f"{given.path.stem}.{EXTENSIONS[form]}"
    path.write_bytes(data)
    made.add(path, next(name for name, written_as in FORMATS.items() if written_as == form))
    return made


def _opened(given: Given) -> tuple[Image.Image, int]:
    """The picture, upright, in the colours of screens; and how many pictures the file has. Raises CannotUse."""
    if given.media_type == HEIC:
        from souk.providers.local.heic import open_heic

        return open_heic(given), 1
    with Image.open(given.path) as file:
        if file.width * file.height > PIXELS_MAX:
            most = f"and at most {PIXELS_MAX // 1_000_000} megapixels are read"
            raise CannotUse(f"The picture of {given.field} has {file.width} x {file.height} pixels, {most}.")
        frames = int(getattr(file, "n_frames", 1))
    picture, profile = open_picture(given)
    return _on_screen(picture, profile), frames


def _on_screen(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB. A profile that cannot be understood is passed over, as most programs do."""
    if not profile or picture.mode not in ("RGB", "RGBA"):
        return picture
    screen: Any = cast(Any, ImageCms).createProfile("sRGB")  # untyped in Pillow
    try:
        seen = ImageCms.profileToProfile(
            picture.convert("RGB"), io.BytesIO(profile), screen, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    if seen is None:
        return picture
    if picture.mode == "RGBA":
        seen.putalpha(picture.getchannel("A"))
    return seen


def _written(picture: Image.Image, limits: Limits, media_type: str) -> tuple[bytes, str, Size] | None:
    """The picture's bytes, their format and its size; None if there is none small enough."""
    form = _format(picture, limits, media_type)
    if form is None:
        return None
    ready = picture if form != "JPEG" else flat(picture)
    for _ in range(MOST_SCALINGS):
        data = b""
        for quality in QUALITIES if form != "PNG" else QUALITIES[:1]:
            data = _encoded(ready, form, quality)
            if limits.holds(data):
                return data, form, ready.size
        if form == "PNG" and "A" not in ready.getbands() and "image/jpeg" in limits.types:
            form = "JPEG"
            continue
        factor = (limits.max_bytes / len(data)) ** 0.5 * MARGIN
        ready = ready.resize(
            (max(1, int(ready.width * factor)), max(1, int(ready.height * factor))), Image.Resampling.LANCZOS
        )
    return None


def _format(picture: Image.Image, limits: Limits, media_type: str) -> str | None:
    """What to write: with transparency where there is some, else the file's own format if that is taken."""
    clear = "A" in picture.getbands() and cast("tuple[int, int]", picture.getextrema()[-1])[0] < 255
    wanted = CLEAR if clear else (media_type, *FORMATS)
    fit = [name for name in (*wanted, *FORMATS) if name in limits.types and name in FORMATS]
    return FORMATS[fit[0]] if fit else None


def _encoded(picture: Image.Image, form: str, quality: int) -> bytes:
    file = io.BytesIO()
    if form == "PNG":
        bare(picture).save(file, form)
    else:
        bare(picture).save(file, form, quality=quality)
    return file.getvalue()


def bare(picture: Image.Image) -> Image.Image:
    """The same pixels without a word beside them."""
    plain = picture.copy()
    plain.info = {}
    return plain


def fit_sound(work: Work) -> Made:
    """Do a job. The result tells ``fits``. Raises CannotUse."""
    from souk.providers.local import conversion

    (given,), limits = work.media, Limits.read(work)
    forms = {form.media_type: (name, form) for name, form in conversion.FORMATS.items()}
    taken = [forms[media_type] for media_type in forms if media_type in limits.types]
    for name, form in taken:
        for bits in conversion.BITS if form.packed else conversion.BITS[:1]:
            path = work.folder / f"{given.path.stem}.{name}"
            _convert(given, path, form, bits)
            if not limits.max_bytes or path.stat().st_size <= limits.max_bytes:
                made = Made(result={"fits": True})
                made.add(path, form.media_type)
                return made
    return Made(result={"fits": False})


def _convert(given: Given, path: Path, form: Any, bits: int) -> None:
    import av.error

    from souk.providers.local.conversion import convert

    try:
        convert(given, path, form, form.rates, bits, None)
    except (av.error.FFmpegError, ValueError) as error:
        raise CannotUse(f"The file of {given.field} cannot be read as sound.") from error
