"""A reward: one of those that are left in stock."""

from typing import ClassVar

from msgspec import Struct

from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.effects.effect import Found, Rest
from domain.campaigns.participation import AwardReason, EffectOutcome
from domain.expressions import CompiledExpression


class GiveReward(Struct, frozen=True, gc=False):
    """One reward of the code `given`."""

    kind: ClassVar[EffectKind] = EffectKind.GIVE_REWARD
    expressions: ClassVar[tuple[CompiledExpression, ...]] = ()
    to: Recipient
    given: str

    def nothing(self, member: str | None) -> EffectOutcome:
        return EffectOutcome(self.kind, self.to, member, given=self.given)

    def decide(self, nothing: EffectOutcome, rest: Rest) -> Found:
        if rest.ledger.has_reward(self.given, rest.given(nothing)):
            return nothing, []
        return nothing, [(AwardReason.REWARD_OUT_OF_STOCK, f"no reward `{self.given}` is left")]
