"""What a file is, told from its bytes."""

import pytest

from souk.assets.sniff import EXTENSIONS, HEAD_BYTES, canonical, extension_of, sniff
from tests.unit import media_files as media

PICTURES = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {}),
    "image/webp": ("WEBP", {}),
    "image/gif": ("GIF", {}),
    "image/bmp": ("BMP", {}),
    "image/tiff": ("TIFF", {}),
    "image/avif": ("AVIF", {}),
}
SOUNDS = {
    "audio/mpeg": ("mp3", "libmp3lame"),
    "audio/wav": ("wav", "pcm_s16le"),
    "audio/flac": ("flac", "flac"),
    "audio/ogg": ("ogg", "libopus"),
    "audio/aac": ("adts", "aac"),
    "audio/mp4": ("ipod", "aac"),
    "audio/aiff": ("aiff", "pcm_s16be"),
}
FILMS = {
    "video/mp4": ("mp4", "mpeg4"),
    "video/quicktime": ("mov", "mpeg4"),
    "video/webm": ("webm", "libvpx"),
    "video/x-matroska": ("matroska", "mpeg4"),
    "video/x-msvideo": ("avi", "mpeg4"),
}
OTHERS = {
    "audio/midi": media.MIDI,
    "application/pdf": media.PDF,
    "application/zip": media.ZIP,
    "image/svg+xml": media.SVG,
    "text/html": media.HTML,
    "application/xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "application/json": b'{\n  "segments": [{"start": 0.5}]\n}',
    "text/plain": "Ein kurzer Text über Äpfel.".encode(),
    "text/vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n",
    "image/heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "audio/x-ms-wma": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(100),
}


@pytest.mark.parametrize("media_type", PICTURES)
def test_picture_is_known_by_its_bytes(media_type: str) -> None:
    kind, options = PICTURES[media_type]
    assert sniff(media.picture(kind, **options)[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize("media_type", SOUNDS)
def test_sound_is_known_by_its_bytes(media_type: str) -> None:
    assert sniff(media.sound(*SOUNDS[media_type])[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize("media_type", FILMS)
def test_film_is_known_by_its_bytes(media_type: str) -> None:
    assert sniff(media.film(*FILMS[media_type])[:HEAD_BYTES]) == media_type


@pytest.mark.parametrize("media_type", OTHERS)
def test_other_files_are_known_by_their_bytes(media_type: str) -> None:
    assert sniff(OTHERS[media_type]) == media_type


def test_mp3_without_a_tag_is_known_by_its_frames() -> None:
    tagged = media.sound("mp3", "libmp3lame")
    frames = tagged[tagged.index(b"\xff\xfb") :]
    assert sniff(frames[:HEAD_BYTES]) == "audio/mpeg"


@pytest.mark.parametrize(
    "head", [b"", b"\xff\xfb\x90\x64" + bytes(800), b"\0\1\2\3" * 50, b"caf\xe9 au lait"]
)
def test_bytes_that_tell_nothing_are_not_guessed_at(head: bytes) -> None:
    assert sniff(head) is None


def test_character_cut_at_the_end_of_the_head_is_still_text() -> None:
    assert sniff("abc ü".encode()[:-1]) == "text/plain"


def test_web_page_that_draws_is_a_web_page() -> None:
    assert sniff(b"<html><body><svg></svg></body></html>") == "text/html"


@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("image/jpg", "image/jpeg"),
        ("Audio/X-WAV; rate=8000", "audio/wav"),
        ("audio/m4a", "audio/mp4"),
        ("video/avi", "video/x-msvideo"),
        ("image/png", "image/png"),
        ("nonsense", ""),
        ("text/html\r\nX: y", ""),
    ],
)
def test_media_types_have_one_name(claimed: str, name: str) -> None:
    assert canonical(claimed) == name


def test_every_type_with_an_extension_is_named_canonically() -> None:
    assert [name for name in EXTENSIONS if canonical(name) != name] == []


def test_unknown_type_gets_a_neutral_extension() -> None:
    assert extension_of("application/x-anything") == "bin"
