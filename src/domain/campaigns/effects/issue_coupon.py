"""A code of a coupon: the next one that is left, with its worth and its last day."""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.campaigns.definition import EffectKind, Recipient
from domain.campaigns.effects.effect import Found, Problems, Rest, amount
from domain.campaigns.participation import AwardReason, EffectOutcome
from domain.catalogue.coupon import valid_until
from domain.expressions import CompiledExpression
from domain.values.amounts import FRACTION_DIGITS, Rounding, fault, rounded


class IssueCoupon(Struct, frozen=True, gc=False):
    """One code of a coupon; `value`, an expression over an `Occasion`, is its worth."""

    kind: ClassVar[EffectKind] = EffectKind.ISSUE_COUPON
    to: Recipient
    given: str
    value: CompiledExpression | None = None

    @property
    def expressions(self) -> tuple[CompiledExpression, ...]:
        return (self.value,) if self.value else ()

    def nothing(self, member: str | None) -> EffectOutcome:
        return EffectOutcome(self.kind, self.to, member, given=self.given)

    def decide(self, nothing: EffectOutcome, rest: Rest) -> Found:
        problems: Problems = []
        value = amount(self.value, rest.occasion) if self.value else None
        if isinstance(value, str):
            problems.append((AwardReason.EXPRESSION_FAILED, f"the coupon's value: {value}"))
        found = rest.ledger.coupon(self.given, rest.given(nothing))
        if found is None:
            problems.append((AwardReason.COUPON_POOL_EMPTY, f"no code of coupon `{self.given}` is left"))
        if found is None or isinstance(value, str):
            return nothing, problems
        entry, code = found
        until = valid_until(entry, rest.now, rest.zone)
        worth = None if value is None else _writable(value)
        return replace(nothing, code=code, value=worth, valid_until=until), []


def _writable(amount: Decimal) -> Decimal:
    """With no more digits after the point than amounts have."""
    return amount if fault(amount) is None else rounded(amount, FRACTION_DIGITS, Rounding.HALF_UP)
