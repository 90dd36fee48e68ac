"""The files that pages use: served by us, so that a page asks nobody else, and named by content, so that they keep."""

import gzip
from functools import cache
from hashlib import sha256
from importlib.resources import files

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

PREFIX = "/static/"
_FOLDER = files("backoffice").joinpath("static")
_NAMES = frozenset(file.name for file in _FOLDER.iterdir())
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"


class Asset(Struct, frozen=True):
    """A file and its compressed form."""

    content: bytes
    compressed: bytes
    media_type: str


@cache
def _asset(name: str) -> Asset:
    content = _FOLDER.joinpath(name).read_bytes()
    return Asset(content, gzip.compress(content, 9, mtime=0), _TYPES[name.rpartition(".")[2]])


@cache
def address(name: str) -> str:
    """Where pages find a file: the address changes with its content."""
    return f"{PREFIX}{name}?{sha256(_FOLDER.joinpath(name).read_bytes()).hexdigest()[:12]}"


@get(PREFIX + "{name:str}", sync_to_thread=False)
def serve_asset(request: Request[None, None, State], name: FromPath[str]) -> Response[bytes]:
    """A file, which may be kept for ever at the address that pages have for it."""
    if name not in _NAMES:
        raise NotFoundException("there is no such file")
    asset = _asset(name)
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.compressed, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
