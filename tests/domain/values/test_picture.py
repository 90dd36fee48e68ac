import zlib
from base64 import b64decode

import pytest

from domain.values.picture import MOST_BYTES, icon_type


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def png(*extra: bytes, width: int = 1, height: int = 1, drawing: bytes = b"\0\0") -> bytes:
    header = width.to_bytes(4) + height.to_bytes(4) + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(drawing)), chunk(b"IEND")]
    )


def riff(*parts: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2) for name, data in parts
    )
    return b"RIFF" + len(body).to_bytes(4, "little") + body


JPEG_FRAME = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
JPEG_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x7f"
JPEG_START, JPEG_END = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00", b"\xff\xd9"
PNG = png()
JPEG = JPEG_START + JPEG_FRAME + JPEG_SCAN + JPEG_END
GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
WEBP = b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PNG, "image/png"),
        (png(chunk(b"tEXt", b"Comment\0made here"), width=512, height=65_535), "image/png"),
        (JPEG, "image/jpeg"),
        (JPEG_START + b"\xff\xff" + JPEG_FRAME + JPEG_SCAN + JPEG_END, "image/jpeg"),
        (GIF, "image/gif"),
        (GIF.replace(b"GIF89a", b"GIF87a"), "image/gif"),
        (WEBP, "image/webp"),
        (riff((b"VP8 ", b"odd")), "image/webp"),
        (riff((b"VP8X", b"\0" * 10), (b"ICCP", b"abc"), (b"VP8L", b"ab")), "image/webp"),
        (riff((b"VP8X", b"\0" * 10), (b"ANIM", b"\0" * 6), (b"ANMF", b"\0" * 24)), "image/webp"),
    ],
)
def test_pictures_are_told_by_their_content(content: bytes, media_type: str) -> None:
    assert icon_type(content) == media_type


@pytest.mark.parametrize("picture", [PNG, JPEG, GIF, WEBP])
def test_a_picture_is_taken_whole_or_not_at_all(picture: bytes) -> None:
    assert icon_type(HTML + picture) is None
    assert icon_type(picture + HTML) is None
    assert icon_type(picture + b"\n") is None
    for length in range(len(picture)):
        assert icon_type(picture[:length]) is None
    for kept in range(1, 32):
        assert icon_type(picture[:kept] + HTML) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HTML,
        SVG,
        b"BM" + b"\0" * 60,
        b"GIF89a=1;" + HTML,
        b"\x89PNG\r\n\x1a\n" + HTML,
        b"\xff\xd8\xff" + HTML + JPEG_END,
        b"RIFF\x04\0\0\0WEBP",
        png(width=0),
        png(height=0),
        png(width=65_536),
        png().replace(b"IDAT", b"IDAX"),
        png(chunk(b"IEND")),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0") + chunk(b"IEND"),
        JPEG_START + JPEG_SCAN + JPEG_END,
        JPEG_START + JPEG_FRAME + JPEG_END,
        JPEG_START + JPEG_FRAME.replace(b"\0\x01\0\x01", b"\0\0\0\0") + JPEG_SCAN + JPEG_END,
        JPEG_START + b"\xff\xe1\x00\x01" + JPEG_FRAME + JPEG_SCAN + JPEG_END,
        JPEG_START + HTML + JPEG_FRAME + JPEG_SCAN + JPEG_END,
        b"\xff\xd8" + b"\xff" * 1000 + JPEG_END,
        GIF[:6] + b"\0\0" + GIF[8:],
        GIF[:19] + b";",
        GIF[:13] + b";",
        riff((b"EXIF", b"ab"), (b"VP8 ", b"ab")),
        riff((b"VP8X", b"\0" * 10), (b"XMP ", SVG)),
        riff((b"VP8 ", b"ab"))[:-1] + b"\0\0",
        b"RIFF" + (22).to_bytes(4, "little") + b"WAVE" + WEBP[12:],
    ],
)
def test_anything_else_is_none(content: bytes) -> None:
    assert icon_type(content) is None


def test_an_icon_is_at_most_a_mebibyte() -> None:
    filling = MOST_BYTES - len(png(chunk(b"tEXt")))
    assert icon_type(png(chunk(b"tEXt", b"x" * filling))) == "image/png"
    assert icon_type(png(chunk(b"tEXt", b"x" * (filling + 1)))) is None
