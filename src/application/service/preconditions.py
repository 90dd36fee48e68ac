"""What a change of a definition says about the version it saw (`If-Match`, `If-None-Match`)."""

from msgspec import Struct

from application.service.refusals import Stale, VersionRequired


class Precondition(Struct, frozen=True, gc=False):
    """`versions`: one of these is there (empty: none named); `exists`: any is there; `absent`: none is."""

    versions: frozenset[int] = frozenset()
    exists: bool = False
    absent: bool = False

    def check(self, current: int | None) -> None:
        """`Stale` or `VersionRequired` unless the change may go ahead; `current` is None where there is nothing."""
        if current is None:
            if self.versions or self.exists:
                raise Stale("there is no version yet that could have been read")
            return
        if self.absent:
            raise Stale(f"it exists already, at version {current}")
        if self.exists or current in self.versions:
            return
        if self.versions:
            raise Stale(f"the current version is {current}")
        raise VersionRequired(f'send If-Match with the ETag that was read; the current one is "{current}"')
