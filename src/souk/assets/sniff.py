"""What a file is, told from its first bytes: inputs are judged and results named by this, never by a claim.

Signatures are those of the WHATWG MIME Sniffing Standard and of the formats' own specifications.
"""

import codecs
import re

from souk.assets import mp3

HEAD_BYTES = 8192
"""How much of a file's start :func:`sniff` wants to see."""

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/heic": "heic",
    "image/avif": "avif",
    "image/svg+xml": "svg",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/3gpp": "3gp",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "video/x-msvideo": "avi",
    "video/ogg": "ogv",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/webm": "weba",
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/midi": "mid",
    "audio/x-ms-wma": "wma",
    "audio/pcm": "pcm",
    "audio/basic": "ulaw",
    "audio/x-alaw-basic": "alaw",
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "application/xml": "xml",
    "application/x-subrip": "srt",
    "model/gltf-binary": "glb",
    "text/html": "html",
    "text/plain": "txt",
    "text/vtt": "vtt",
    "text/csv": "csv",
}

_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "image/x-ms-bmp": "image/bmp",
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
    "video/mov": "video/quicktime",
    "video/x-m4v": "video/mp4",
    "video/mkv": "video/x-matroska",
    "video/matroska": "video/x-matroska",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-mpeg": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/m4a": "audio/mp4",
    "audio/x-m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "audio/opus": "audio/ogg",
    "audio/aacp": "audio/aac",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "audio/x-midi": "audio/midi",
    "audio/mid": "audio/midi",
    "application/x-zip-compressed": "application/zip",
    "text/xml": "application/xml",
}
_NAME = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,80}")


def canonical(media_type: str) -> str:
    """The one name Souk uses for a media type, without parameters; empty if this is none."""
    plain = media_type.partition(";")[0].strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain if _NAME.fullmatch(plain) else ""


def extension_of(media_type: str) -> str:
    """The extension files of this type get, without a dot."""
    return EXTENSIONS.get(media_type, "bin")


def sniff(head: bytes) -> str | None:
    """The media type of a file that starts with these bytes, or None if they tell nothing."""
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    return _container(head) or _sound(head) or _text(head)


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"fLaC", "audio/flac"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"glTF\x02\0\0\0", "model/gltf-binary"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"avif": "image/avif",
    b"avis": "image/avif",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3g2a"), "video/3gpp"),
}
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO_STREAM = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")


def _container(head: bytes) -> str | None:
    kind = head[4:8]
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if kind == b"ftyp":
        return _branded(head)
    if kind in _OLD_QUICKTIME and len(head) > 15:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"\x42\x82\x84webm" in head[:128] else "video/x-matroska"
    if head.startswith(b"OggS"):
        return "video/ogg" if b"\x80theora" in head[:256] else "audio/ogg"
    if head.startswith(_ASF):
        return None if _ASF_VIDEO_STREAM in head else "audio/x-ms-wma"
    if (
        head.startswith(b"BM")
        and head[6:10] == bytes(4)
        and head[14:15] in (b"\x0c", b"\x28", b"\x6c", b"\x7c")
    ):
        return "image/bmp"
    return None


def _branded(head: bytes) -> str:
    """The type of an ISO base media file. Brand ``mif1`` only says "a picture"; the others say which kind."""
    size = int.from_bytes(head[:4])
    major = head[8:12]
    others = {head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4)}
    if major in (b"mif1", b"msf1") and others & {b"avif", b"avis"}:
        return "image/avif"
    return _BRANDS.get(major, "video/mp4")


def _sound(head: bytes) -> str | None:
    if head.startswith(b"ID3"):
        return "audio/mpeg"
    if len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "audio/aac" if _next_adts(head) else None
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        length = mp3.frame_bytes(head[:4])
        after = head[length : length + 4] if length else b""
        return "audio/mpeg" if length and (len(after) < 4 or mp3.frame_bytes(after)) else None
    return None


def _next_adts(head: bytes) -> bool:
    """Whether one AAC frame leads to another."""
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    after = head[length : length + 2]
    return length > 6 and (len(after) < 2 or (after[0] == 0xFF and after[1] & 0xF6 == 0xF0))


_HTML = re.compile(
    r"(<!--.*?-->\s*)*<(!doctype html|html|head|body|title|script|style|h1|div|p|table|br|a)[\s>]", re.S
)
_SVG = re.compile(r"(<\?xml.*?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg.*?>\s*)?<svg[\s>]", re.S)
_JSON = re.compile(r"\{\s*[\"}]|\[\s*[\"\[{\]\-0-9tfn]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")


def _text(head: bytes) -> str | None:
    try:
        # A character may be cut where the head ends.
        text = codecs.getincrementaldecoder("utf-8")().decode(head.removeprefix(codecs.BOM_UTF8))
    except UnicodeDecodeError:
        return None
    if not text or _CONTROL.search(text):
        return None
    start = text.lstrip().lower()
    if _HTML.match(start):
        return "text/html"
    if _SVG.match(start):
        return "image/svg+xml"
    if start.startswith("<?xml"):
        return "application/xml"
    if _JSON.match(start):
        return "application/json"
    return "text/vtt" if text.startswith("WEBVTT") else "text/plain"
