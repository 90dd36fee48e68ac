"""A badge: there is always one more."""

from typing import ClassVar

from msgspec import Struct

from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.effects.effect import Found, Rest
from domain.campaigns.participation import EffectOutcome
from domain.expressions import CompiledExpression


class GiveBadge(Struct, frozen=True, gc=False):
    """One badge of the code `given`."""

    kind: ClassVar[EffectKind] = EffectKind.GIVE_BADGE
    expressions: ClassVar[tuple[CompiledExpression, ...]] = ()
    to: Recipient
    given: str

    def nothing(self, member: str | None) -> EffectOutcome:
        return EffectOutcome(self.kind, self.to, member, given=self.given)

    def decide(self, nothing: EffectOutcome, rest: Rest) -> Found:  # noqa: ARG002  a badge is never short
        return nothing, []
