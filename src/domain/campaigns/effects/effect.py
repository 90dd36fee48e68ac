"""An effect: what each kind asks of the decision that it is part of, and what it answers."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.campaigns.definition import Recipient
from domain.campaigns.ledger import Ledger
from domain.campaigns.occasion import Occasion
from domain.campaigns.participation import AwardReason, EffectOutcome
from domain.expressions import CompiledExpression, ExpressionFailure
from domain.values.amounts import WHOLE_DIGITS, ZERO, plain, written

MOST_UNITS = Decimal(10) ** WHOLE_DIGITS

Problems = list[tuple[AwardReason, str]]

Found = tuple[EffectOutcome, Problems]
"""What an effect gives, and every reason that it gives nothing."""


class Rest(Protocol):
    """The decision so far: what an effect reads, and what the effects before it have left."""

    occasion: Occasion
    ledger: Ledger
    now: datetime
    zone: ZoneInfo
    clamps: bool

    def given(self, outcome: EffectOutcome) -> int:
        """How many the effects before have given of the same coupon, reward or badge."""

    def limits(self, to: Recipient) -> list[tuple[AwardReason, str, Decimal]]:
        """The limits of units to a receiver: the reason to refuse, the name, and the units left."""


def amount(expression: CompiledExpression, occasion: Occasion) -> Decimal | str:
    """The result of an expression, or why it can't be taken: an amount is no less than nothing, and bounded."""
    try:
        result: Decimal = expression.evaluate(occasion)
    except ExpressionFailure as failure:
        return str(failure)
    if result < ZERO:
        return f"{written(result)} is less than nothing"
    if result >= MOST_UNITS:
        return f"the result has more than {WHOLE_DIGITS} digits before the decimal point"
    return plain(result)
