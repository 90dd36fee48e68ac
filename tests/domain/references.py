from domain.catalogue.entries import Account, Badge, EventType
from domain.values.attributes import AttributeType

WORKOUT = EventType("workout", "Workout", {"minutes": AttributeType.NUMBER, "planned": AttributeType.TIMESTAMP})


class References:
    """A catalogue with one of each: `points`, `workout`, `gold`, `vip`, `medal` and `SKU-1`."""

    def account(self, code: str) -> Account | None:
        return Account("points", "Points") if code == "points" else None

    def event_type(self, code: str) -> EventType | None:
        return WORKOUT if code == "workout" else None

    def has_segment(self, code: str) -> bool:
        return code == "gold"

    def has_list(self, code: str) -> bool:
        return code == "vip"

    def has_product(self, sku: str) -> bool:
        return sku == "SKU-1"

    def badge(self, code: str) -> Badge | None:
        return Badge("medal", "Medal") if code == "medal" else None
