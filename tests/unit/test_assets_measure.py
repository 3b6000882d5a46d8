"""Sizes and lengths, read from headers without a media library."""

import struct
from pathlib import Path

import pytest

from souk.assets.measure import Measured, measure
from tests.unit import media_files as media

PICTURES = {
    "png": ("image/png", "PNG", "RGB", {}),
    "jpeg": ("image/jpeg", "JPEG", "RGB", {}),
    "progressive jpeg": ("image/jpeg", "JPEG", "L", {"progressive": True}),
    "jpeg with camera data": ("image/jpeg", "JPEG", "RGB", {"icc_profile": b"\xff\xc0" * 30_000}),
    "lossy webp": ("image/webp", "WEBP", "RGB", {}),
    "lossless webp": ("image/webp", "WEBP", "RGB", {"lossless": True}),
    "extended webp": ("image/webp", "WEBP", "RGB", {"exif": b"Exif\0\0II*\0"}),
    "gif": ("image/gif", "GIF", "L", {}),
    "bmp": ("image/bmp", "BMP", "RGB", {}),
    "tiff": ("image/tiff", "TIFF", "RGB", {}),
    "avif": ("image/avif", "AVIF", "RGB", {}),
}
SOUNDS = {
    "mp3": ("audio/mpeg", "mp3", "libmp3lame"),
    "wav": ("audio/wav", "wav", "pcm_s16le"),
    "flac": ("audio/flac", "flac", "flac"),
    "opus": ("audio/ogg", "ogg", "libopus"),
    "m4a": ("audio/mp4", "ipod", "aac"),
}


def measured(tmp_path: Path, data: bytes, media_type: str) -> Measured:
    path = tmp_path / "file"
    path.write_bytes(data)
    return measure(path, media_type)


@pytest.mark.parametrize("name", PICTURES)
def test_picture_measures_as_it_was_made(name: str, tmp_path: Path) -> None:
    media_type, kind, mode, options = PICTURES[name]
    found = measured(tmp_path, media.picture(kind, 137, 91, mode, **options), media_type)
    assert (found.width, found.height, found.pixels) == (137, 91, 137 * 91)


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_lasts_as_long_as_it_was_made(name: str, tmp_path: Path) -> None:
    media_type, container, codec = SOUNDS[name]
    found = measured(tmp_path, media.sound(container, codec, 1.5), media_type)
    assert found.seconds == pytest.approx(1.5, abs=0.08)


def test_mp3_without_a_table_is_measured_by_its_bitrate(tmp_path: Path) -> None:
    data = media.sound("mp3", "libmp3lame", 1.5).replace(b"Xing", b"\0\0\0\0").replace(b"Info", b"\0\0\0\0")
    assert measured(tmp_path, data, "audio/mpeg").seconds == pytest.approx(1.5, abs=0.1)


def test_wav_of_a_stream_is_measured_by_its_end(tmp_path: Path) -> None:
    data = bytearray(media.sound("wav", "pcm_s16le", 1.5))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 0xFFFF_FFFF)
    assert measured(tmp_path, bytes(data), "audio/wav").seconds == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("flags", ["", "faststart"])
def test_film_is_measured_wherever_its_index_lies(flags: str, tmp_path: Path) -> None:
    found = measured(tmp_path, media.film(flags=flags), "video/mp4")
    assert (found.width, found.height, found.seconds, found.has_video) == (64, 48, 2.0, True)


def test_film_in_fragments_leaves_its_length_open(tmp_path: Path) -> None:
    found = measured(tmp_path, media.film(flags="frag_keyframe+empty_moov"), "video/mp4")
    assert (found.width, found.height, found.seconds) == (64, 48, None)


def test_turned_film_measures_as_it_is_shown(tmp_path: Path) -> None:
    data = bytearray(media.film())
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 8] = struct.pack(">ii", 0, 1 << 16)
    found = measured(tmp_path, bytes(data), "video/mp4")
    assert (found.width, found.height) == (48, 64)


def test_sound_in_a_film_container_has_no_picture(tmp_path: Path) -> None:
    found = measured(tmp_path, media.sound("mp4", "aac"), "video/mp4")
    assert (found.has_video, found.width) == (False, None)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/jpeg", b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xda"),
        ("image/webp", b"RIFF\0\0\0\0WEBPVP8 "),
        ("image/tiff", b"II*\0\xff\xff\xff\xff"),
        ("image/avif", b"\0\0\0\x10ftypavif\0\0\0\0"),
        ("video/mp4", b"\0\0\0\x08moov\0\0\0\x04mvhd"),
        ("video/mp4", b"\0\0\0\x04ftyp" * 50),
        ("audio/wav", b"RIFF\0\0\0\0WAVEdata\0\0\0\0"),
        ("audio/mpeg", b"ID3\x04\0\0\x7f\x7f\x7f\x7f"),
        ("audio/flac", b"fLaC\0\0\0\x22" + bytes(40)),
        ("audio/ogg", b"OggS" + bytes(40)),
        ("application/pdf", b"%PDF-1.7"),
    ],
)
def test_file_that_does_not_say_measures_as_nothing(media_type: str, data: bytes, tmp_path: Path) -> None:
    assert measured(tmp_path, data, media_type) == Measured()


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp", "image/avif", "video/mp4"])
def test_no_cut_of_a_file_breaks_the_measuring(media_type: str, tmp_path: Path) -> None:
    kind = media_type.partition("/")[2].upper()
    whole = media.film() if kind == "MP4" else media.picture(kind)
    for length in range(0, min(len(whole), 700), 7):
        assert isinstance(measured(tmp_path, whole[:length], media_type), Measured)
