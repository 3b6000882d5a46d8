"""Write pictures to disk in the asked format, with the sandbox's note in their metadata."""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

NOTE = "SANDBOX: made by the Souk sandbox; no model was run."
SOFTWARE = "Souk sandbox"
JPEG_QUALITY = 90
WEBP_QUALITY = 85
EXIF_DESCRIPTION, EXIF_SOFTWARE = 0x010E, 0x0131
RUN_LENGTH = 3
"""zlib's run-length strategy: painted pictures gain nothing from a search for long matches."""

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}


def save_picture(picture: Image.Image, folder: Path, name: str, extension: str) -> tuple[Path, str]:
    """Save a picture as ``name.extension``; answers its path and media type. Unknown formats become PNG."""
    extension = extension if extension in MEDIA_TYPES else "png"
    path = folder / f"{name}.{extension}"
    media_type = MEDIA_TYPES[extension]
    if media_type == "image/png":
        notes = PngInfo()
        notes.add_text("Software", SOFTWARE)
        notes.add_text("Comment", NOTE)
        picture.save(path, "PNG", pnginfo=notes, compress_level=1, compress_type=RUN_LENGTH)
    elif media_type == "image/jpeg":
        flat = _without_alpha(picture)
        flat.save(path, "JPEG", quality=JPEG_QUALITY, comment=NOTE.encode(), exif=_exif())
    else:
        picture.save(path, "WEBP", quality=WEBP_QUALITY, method=1, exif=_exif(), xmp=_xmp())
    return path, media_type


def _without_alpha(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    ground = Image.new("RGB", picture.size, (255, 255, 255))
    ground.paste(picture, (0, 0), picture)
    return ground


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[EXIF_DESCRIPTION] = NOTE
    exif[EXIF_SOFTWARE] = SOFTWARE
    return exif


def _xmp() -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>'
        f'<rdf:li xml:lang="x-default">{NOTE}</rdf:li></rdf:Alt></dc:description></rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()
