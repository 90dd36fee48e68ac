"""Units for an account: their expression, rounded and held within the limits."""

from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.effects.effect import Found, Rest, amount
from domain.campaigns.participation import AwardReason, EffectOutcome
from domain.expressions import CompiledExpression
from domain.values.amounts import Rounding, nothing_in, rounded, written


class GiveUnits(Struct, frozen=True, gc=False):
    """So many `units`, an expression over an `Occasion`, on an `account` that is kept in so many `decimals`."""

    kind: ClassVar[EffectKind] = EffectKind.GIVE_UNITS
    to: Recipient
    account: str
    decimals: int
    units: CompiledExpression

    @property
    def expressions(self) -> tuple[CompiledExpression, ...]:
        return (self.units,)

    def nothing(self, member: str | None) -> EffectOutcome:
        return EffectOutcome(self.kind, self.to, member, account=self.account, units=nothing_in(self.decimals))

    def decide(self, nothing: EffectOutcome, rest: Rest) -> Found:
        bare = replace(nothing, expression=self.units.source)
        asked = amount(self.units, rest.occasion)
        if isinstance(asked, str):
            return bare, [(AwardReason.EXPRESSION_FAILED, asked)]
        bare = replace(bare, unrounded=asked)
        units = rounded(asked, self.decimals, Rounding.HALF_UP)
        if not units:
            return bare, [(AwardReason.NOTHING_TO_GIVE, f"{written(asked)} units round to none")]
        short = [(reason, of, left) for reason, of, left in rest.limits(self.to) if left < units]
        if short and rest.clamps:
            units = rounded(min(left for _, _, left in short), self.decimals, Rounding.DOWN)
            short = [] if units else [found for found in short if not rounded(found[2], self.decimals, Rounding.DOWN)]
        if short:
            return bare, [
                (reason, f"{written(units or asked)} units asked, {written(left)} left of {of}")
                for reason, of, left in short
            ]
        return replace(bare, units=units), []
