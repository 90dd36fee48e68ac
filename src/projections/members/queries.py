"""Members as they are now, and who is on a list."""

from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import MEMBER
from domain.members.member import Member
from projections.history.log import states
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_page
from projections.listing.request import Listing, Selection


class ListMemberRow(Struct, frozen=True, gc=False):
    """A member who is on a list."""

    member: str
    joined_at: datetime


MEMBERS = Listing(
    name="members",
    columns=(
        Column("id", expression="m.id", sortable=True),
        Column("registered_at", ColumnKind.INTEGER, "m.registered_position", sortable=True, filterable=False),
        Column("registered_at", ColumnKind.INSTANT, "m.registered_at"),
        Column("updated_at", ColumnKind.INSTANT, "m.updated_at"),
        Column("tier", expression="m.tier", nullable=True),
        Column("referrer", expression="m.referrer", nullable=True),
    ),
    key="id",
    sort="id",
    search=("m.id",),
)
"""In the order they were registered in they are sorted by position: two may have come in one instant."""

LIST_MEMBERS = Listing(
    name="list-members",
    columns=(
        Column("member", expression="l.member", sortable=True),
        Column("joined_at", ColumnKind.INSTANT, "l.joined_at"),
    ),
    key="member",
    sort="member",
)


async def members_page(
    connection: AsyncConnection[Any], mapper: Mapper, selection: Selection
) -> tuple[list[Member], str | None]:
    """Members by the projection's order, as their streams have them."""
    ids, following = await fetch_page(connection, selection, str, "m.id", "p_members.members m")
    keys = [MEMBER.at(member_id).id for member_id in ids]
    found = await states(connection, mapper, keys)
    return [found[key] for key in keys if key in found], following


async def member(connection: AsyncConnection[Any], mapper: Mapper, member_id: str) -> Member | None:
    key = MEMBER.at(member_id).id
    found: Member | None = (await states(connection, mapper, [key])).get(key)
    return found


async def list_members_page(
    connection: AsyncConnection[Any], code: str, selection: Selection
) -> tuple[list[ListMemberRow], str | None]:
    return await fetch_page(
        connection,
        selection,
        ListMemberRow,
        "l.member, l.joined_at",
        "p_members.list_members l",
        where=("l.list = %(list)s",),
        parameters={"list": code},
    )
