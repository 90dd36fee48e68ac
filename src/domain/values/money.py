"""Money: what a currency can hold."""

from decimal import Decimal

from domain.values.amounts import Rounding, kept, rounded

_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""Digits after the point of the currencies whose minor unit (ISO 4217) does not have two."""
_DECIMALS_OF = {currency: decimals for decimals, currencies in _DECIMALS.items() for currency in currencies.split()}


def held(amount: Decimal, currency: str | None) -> Decimal:
    """`amount` rounded half up to the currency's minor unit; where none is given, any amount can be held."""
    return rounded(amount, _DECIMALS_OF.get(currency, 2), Rounding.HALF_UP) if currency else kept(amount)
