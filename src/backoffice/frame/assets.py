"""The files that pages use: served by us, so that a page asks nobody else, and named by content, so that they keep."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

PREFIX = "/static/"
_FOLDER = files("backoffice.frame").joinpath("static")
_NAMES = frozenset(file.name for file in _FOLDER.iterdir())
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"


@cache
def _content(name: str) -> bytes:
    return _FOLDER.joinpath(name).read_bytes()


@cache
def address(name: str) -> str:
    """Where pages find a file: the address changes with its content."""
    return f"{PREFIX}{name}?{sha256(_content(name)).hexdigest()[:12]}"


@get(PREFIX + "{name:str}", sync_to_thread=False)
def serve_asset(name: FromPath[str]) -> Response[bytes]:
    """A file, which may be kept for ever at the address that pages have for it."""
    if name not in _NAMES:
        raise NotFoundException("there is no such file")
    media_type = _TYPES[name.rpartition(".")[2]]
    return Response(_content(name), media_type=media_type, headers={"Cache-Control": _FOREVER})
