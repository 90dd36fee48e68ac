"""Which picture a file is, told by its content: never by what its sender calls it.

A file is walked from its first byte to its last, so that nothing can stand before, between or after its parts that a
browser might read as something else. What the parts draw is not looked at.
"""

from collections.abc import Callable
from zlib import crc32

MOST_BYTES = 1_048_576
MOST_PIXELS_A_SIDE = 65_535


def icon_type(content: bytes) -> str | None:
    """`image/png`, `image/jpeg`, `image/gif`, `image/webp`, or None: anything else, damaged, or above 1 MiB."""
    if len(content) > MOST_BYTES:
        return None
    return next((media_type for media_type, is_one in _KINDS.items() if is_one(content)), None)


def _plausible(width: int, height: int) -> bool:
    return 0 < width <= MOST_PIXELS_A_SIDE and 0 < height <= MOST_PIXELS_A_SIDE


def _is_png(content: bytes) -> bool:
    """Signature, then chunks (length, name, data, checksum): IHDR first, IDAT within, IEND last."""
    if content[:16] != b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":
        return False
    if not _plausible(int.from_bytes(content[16:20]), int.from_bytes(content[20:24])):
        return False
    at, drawn = 8, False
    while at + 12 <= len(content):
        name, end = content[at + 4 : at + 8], at + 8 + int.from_bytes(content[at : at + 4])
        if crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4]):
            return False
        drawn = drawn or name == b"IDAT"
        at = end + 4
        if name == b"IEND":
            return drawn and at == len(content)
    return False


_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _JPEG_FILLER, _JPEG_END = 0xDA, 0xFF, b"\xff\xd9"


def _is_jpeg(content: bytes) -> bool:
    """Start marker, segments (marker, length, data) with one frame up to the first scan, end marker last."""
    if content[:3] != b"\xff\xd8\xff" or content[-2:] != _JPEG_END:
        return False
    at, framed = 2, False
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker == _JPEG_SCAN:
            return framed
        if marker == _JPEG_FILLER:
            at += 1
            continue
        if marker < 0xC0 or 0xD0 <= marker <= 0xD9 or length < 2:
            return False
        if marker in _JPEG_FRAMES:
            framed = _plausible(int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7]))
        at += 2 + length
    return False


def _is_gif(content: bytes) -> bool:
    """Header and screen, colours, then blocks: extensions (0x21), at least one image (0x2C), trailer (0x3B) last."""
    if content[:6] not in {b"GIF87a", b"GIF89a"} or len(content) < 14:
        return False
    if not _plausible(int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")):
        return False
    at, drawn = 13 + _gif_colours(content[10]), False
    while at < len(content):
        if content[at] == 0x3B:
            return drawn and at + 1 == len(content)
        if content[at] == 0x21:
            at = _after_gif_data(content, at + 2)
        elif content[at] == 0x2C and at + 10 < len(content):
            drawn = True
            at = _after_gif_data(content, at + 11 + _gif_colours(content[at + 9]))
        else:
            return False
    return False


def _gif_colours(flags: int) -> int:
    """The bytes of the colour table that flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_gif_data(content: bytes, at: int) -> int:
    """Where data blocks (size, bytes; a size of 0 ends them) that begin at `at` are over."""
    while at < len(content) and content[at]:
        at += 1 + content[at]
    return at + 1


def _is_webp(content: bytes) -> bool:
    """RIFF with its size, WEBP, then chunks (name, length, data, padding) that fill it, one of them an image."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or int.from_bytes(content[4:8], "little") + 8 != len(content):
        return False
    at, names = 12, []
    while at + 8 <= len(content):
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        names.append(content[at : at + 4])
        at += 8 + length + length % 2
    return at == len(content) and not _WEBP_IMAGES.isdisjoint(names) and names[0] in _WEBP_FIRST


_WEBP_FIRST = frozenset({b"VP8 ", b"VP8L", b"VP8X"})
_WEBP_IMAGES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})

_KINDS: dict[str, Callable[[bytes], bool]] = {
    "image/png": _is_png,
    "image/jpeg": _is_jpeg,
    "image/gif": _is_gif,
    "image/webp": _is_webp,
}
