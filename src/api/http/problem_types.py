"""The kinds of errors the service answers with; `docs/problems.md` has a section for each."""

from msgspec import Struct

TYPE_PREFIX = "/problems/"


class ProblemType(Struct, frozen=True):
    """A kind of error: `about` says what it means and what to do."""

    name: str
    status: int
    title: str
    about: str

    @property
    def uri(self) -> str:
        return TYPE_PREFIX + self.name


_TYPES = (
    ProblemType(
        "malformed",
        400,
        "The request can't be read",
        "The body is not JSON, or the request itself is broken. `detail` says why, with line and column where"
        " they are known.",
    ),
    ProblemType(
        "unauthenticated",
        401,
        "A valid API key is needed",
        "Send `Authorization: Bearer KEY` with a key made by `laurel keys make` that is not revoked.",
    ),
    ProblemType(
        "forbidden",
        403,
        "Not allowed",
        "The key's role may not do this, or this installation does not allow it (the test clock outside a "
        "sandbox). `code` and `detail` say which.",
    ),
    ProblemType(
        "not-found",
        404,
        "Not found",
        "There is nothing at this path, or what the request names does not exist.",
    ),
    ProblemType(
        "method-not-allowed",
        405,
        "Method not allowed",
        "The path exists, but not with this method; the `Allow` header lists those it has.",
    ),
    ProblemType(
        "not-acceptable",
        406,
        "Only JSON is served here",
        "The `Accept` header admits nothing this path answers with; leave it out or admit `application/json`.",
    ),
    ProblemType(
        "too-slow",
        408,
        "The request came too slowly",
        "The head of a request must be whole within 10 seconds, and its body must not stay below 1,000 bytes a second"
        " for more than 20. The connection is closed; send the request again.",
    ),
    ProblemType(
        "conflict",
        409,
        "The state does not allow it",
        "The command does not fit the current state, or the same id or idempotency key came before with "
        "another body. `code` says which; nothing was changed.",
    ),
    ProblemType(
        "stale",
        412,
        "Changed since it was read",
        "`If-Match` names another version than the current one. Read again, apply the change to what is there"
        " now, and send it with the new `ETag`.",
    ),
    ProblemType(
        "too-large",
        413,
        "The body is too large",
        "`detail` says how many bytes are allowed. Send facts in batches of at most 1,000, and larger amounts"
        " as an import.",
    ),
    ProblemType(
        "url-too-long",
        414,
        "The URL is too long",
        "It may have at most 32,768 bytes, its query included.",
    ),
    ProblemType(
        "unsupported-media-type",
        415,
        "The body's media type is not supported",
        "Send `Content-Type: application/json` (for imports, the ones that `detail` names).",
    ),
    ProblemType(
        "validation",
        422,
        "The request says something that can't be taken",
        "`errors` has an entry for each fault (at most 50): `pointer` is the JSON pointer of a field of the "
        "body, `parameter` the name of a header, path or query parameter; `detail` says what is wrong and "
        "what is allowed; `code` is for programs.",
    ),
    ProblemType(
        "version-required",
        428,
        "The version that was read is needed",
        "Changing a definition takes `If-Match` with the `ETag` it was read with, so that nobody's change is "
        "overwritten unseen.",
    ),
    ProblemType(
        "too-many-requests",
        429,
        "Too many requests",
        "Too many unknown keys are being checked. Try again after the seconds in `Retry-After`.",
    ),
    ProblemType(
        "headers-too-large",
        431,
        "The headers are too large",
        "A request may have at most 100 headers, and its head at most 65,536 bytes, cookies included.",
    ),
    ProblemType(
        "internal",
        500,
        "Something went wrong on our side",
        "The request failed for a reason that is not its own. `instance` names it in the service's log.",
    ),
    ProblemType(
        "unavailable",
        503,
        "Not now",
        "The service can't answer for the moment: the database is away, too many commands or requests are waiting, or"
        " a read has not reached the position in `after` in time. Try again after the seconds in `Retry-After`; "
        "a command that is sent again under the same id or idempotency key is never carried out twice.",
    ),
)

PROBLEM_TYPES = {kind.name: kind for kind in _TYPES}
"""Every kind by name."""
