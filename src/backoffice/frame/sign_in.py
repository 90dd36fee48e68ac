"""Signing in with an API key, and out."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from application.service.keys import READERS, Principal, TooManyVerificationsError
from application.service.sessions import SESSION_SECONDS
from backoffice.frame.site import COOKIE, LONGEST_ADDRESS, SIGN_IN, PageRequest, Site, form

LARGEST_FORM = 8_192
MOST_FIELDS = 10
_NO_STORE = {"Cache-Control": "no-store"}


def sign_in_routes(site: Site) -> list[HTTPRouteHandler]:
    @get(SIGN_IN)
    async def sign_in_page(request: PageRequest) -> Response[str]:
        """Where a key is typed, or comes behind a `#` in a link, which no server ever sees."""
        return site.page(request, "sign_in.html", next=_local(request.query_params.get("next")), fault=None)

    @post(SIGN_IN, status_code=200, request_max_body_size=LARGEST_FORM)
    async def sign_in(request: PageRequest) -> Response[str] | Redirect:
        fields = await form(request, MOST_FIELDS)
        to = _local(fields.get("next"))
        try:
            principal = await site.services.keys.verify(fields.get("key", "").strip())
        except TooManyVerificationsError:
            fault = "Too many keys are being tried. Please wait a moment."
            return site.page(request, "sign_in.html", status=429, next=to, fault=fault)
        allowed = principal if principal and principal.role in READERS else None
        token = await site.sessions.open(allowed) if allowed else None
        if token is None:
            return site.page(request, "sign_in.html", status=403, next=to, fault=_refusal(principal))
        if before := request.cookies.get(COOKIE):
            await site.sessions.end(before)
        answer = Redirect(to, status_code=303, headers=_NO_STORE)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_SECONDS,
            httponly=True,
            secure=request.scope["scheme"] == "https",
            samesite="strict",
        )
        return answer

    @post("/sign-out", status_code=303)
    async def sign_out(request: PageRequest) -> Redirect:
        if token := request.cookies.get(COOKIE):
            await site.sessions.end(token)
        answer = Redirect(SIGN_IN, status_code=303, headers=_NO_STORE)
        answer.delete_cookie(COOKIE)
        return answer

    return [sign_in_page, sign_in, sign_out]


def _local(address: str | None) -> str:
    """An address of ours: another site's would send whoever signs in there."""
    ours = address is not None and address.startswith("/") and not address.startswith(("//", "/\\"))
    if address is None or not ours or len(address) > LONGEST_ADDRESS or not address.isprintable():
        return "/"
    return address


def _refusal(principal: Principal | None) -> str:
    if principal is None or principal.role in READERS:
        return "There is no such key, or it is revoked."
    return f"The role {principal.role} may not look at pages; it takes: {', '.join(sorted(READERS))}."
