"""Codes of coupons."""

from litestar import Response
from litestar.params import FromPath, JSONBody

from api.http.commands import answer_once
from api.http.request import Request
from api.http.routing import JUDGED, RECORDERS, command
from api.routes.catalogue.shapes import CodesAnswer
from application.catalogue.bodies import CodesBody
from application.catalogue.coupons import add_codes
from application.log.working import Working


@command(
    "POST", "/coupons/{code:str}/codes", roles=RECORDERS, statuses=(200,), headers=("Idempotency-Key",), takes=JUDGED
)
async def add_coupon_codes(request: Request, code: FromPath[str], data: JSONBody[CodesBody]) -> Response[CodesAnswer]:
    """Add codes to a coupon's pool, all of them or none; a coupon with a generator takes none.

    Codes that the coupon knows already are left as they are.
    """

    def decide(working: Working) -> CodesAnswer:
        done = add_codes(working, code, data.codes)
        return CodesAnswer("", done.added, done.known)

    return await answer_once(request, decide)


COUPON_COMMANDS = (add_coupon_codes,)
