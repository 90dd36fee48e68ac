"""Members, and who is on which list."""

from litestar import Response
from litestar.params import FromPath, JSONBody

from api.http.commands import answer, answer_once
from api.http.request import Request
from api.http.routing import JUDGED, RECORDERS, command
from api.routes.members import shapes
from api.routes.members.shapes import ListChangeAnswer, MemberAnswer
from application.log.working import Working
from application.members import commands
from application.members.bodies import ListMembersBody, MemberBody
from application.service.refusals import Unknown
from application.streams import MEMBER


@command("PUT", "/members/{member:str}", roles=RECORDERS, takes=JUDGED)
async def put_member(request: Request, member: FromPath[str], data: JSONBody[MemberBody]) -> MemberAnswer:
    """Register a member, or replace their tier and attributes.

    A referrer is set once and stays. Whoever the member has referred, directly or through others, is refused.
    """
    return await answer(
        request,
        lambda working: shapes.member(commands.put_member(working, member, data.tier, data.attributes, data.referrer)),
    )


@command(
    "POST", "/lists/{code:str}/members", roles=RECORDERS, statuses=(200,), headers=("Idempotency-Key",), takes=JUDGED
)
async def change_list(
    request: Request, code: FromPath[str], data: JSONBody[ListMembersBody]
) -> Response[ListChangeAnswer]:
    """Put members on a list and take others off it, all of them or none. Unknown members who join are registered."""
    data.check()

    def decide(working: Working) -> ListChangeAnswer:
        if not working.catalogue.has_list(code):
            raise Unknown(f"no list `{code}`")
        working.prefetch(MEMBER.at(member) for member in (*data.add, *data.remove))
        added = sum(commands.change_list(working, code, member, joins=True) for member in data.add)
        removed = sum(commands.change_list(working, code, member, joins=False) for member in data.remove)
        return ListChangeAnswer("", added, removed)

    return await answer_once(request, decide)


MEMBER_COMMANDS = (put_member, change_list)
