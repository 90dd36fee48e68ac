"""Signing in with an API key, and out."""

from urllib.parse import parse_qs

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from application.keys import Principal, TooManyVerificationsError
from backoffice.sessions import COOKIE, READERS, SESSION_SECONDS
from backoffice.site import LONGEST_ADDRESS, SIGN_IN, PageRequest, Site

LARGEST_FORM = 8_192
_NO_STORE = {"Cache-Control": "no-store"}


def sign_in_routes(site: Site) -> list[HTTPRouteHandler]:
    @get(SIGN_IN)
    async def sign_in_page(request: PageRequest) -> Response[str]:
        """Where a key is typed, or comes behind a `#` in a link, which no server ever sees."""
        return site.page(request, "sign_in.html", next=_local(request.query_params.get("next")), fault=None)

    @post(SIGN_IN, status_code=200, request_max_body_size=LARGEST_FORM)
    async def sign_in(request: PageRequest) -> Response[str] | Redirect:
        form = await _form(request)
        to = _local(form.get("next"))
        if not _from_here(request):
            return site.page(request, "sign_in.html", status=403, next=to, fault="This came from another site.")
        try:
            principal = await site.services.keys.verify(form.get("key", "").strip())
        except TooManyVerificationsError:
            fault = "Too many keys are being tried. Please wait a moment."
            return site.page(request, "sign_in.html", status=429, next=to, fault=fault)
        allowed = principal if principal and principal.role in READERS else None
        token = await site.sessions.open(allowed) if allowed else None
        if token is None:
            return site.page(request, "sign_in.html", status=403, next=to, fault=_refusal(principal))
        answer = Redirect(to, status_code=303, headers=_NO_STORE)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_SECONDS,
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="strict",
        )
        return answer

    @post("/sign-out", status_code=303)
    async def sign_out(request: PageRequest) -> Redirect:
        answer = Redirect(SIGN_IN if _from_here(request) else "/", status_code=303, headers=_NO_STORE)
        if _from_here(request):
            answer.delete_cookie(COOKIE)
        return answer

    return [sign_in_page, sign_in, sign_out]


async def _form(request: PageRequest) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body, max_num_fields=10).items()}


def _local(address: str | None) -> str:
    """An address of ours: another site's would send whoever signs in there."""
    ours = address is not None and address.startswith("/") and not address.startswith(("//", "/\\"))
    if address is None or not ours or len(address) > LONGEST_ADDRESS or not address.isprintable():
        return "/"
    return address


def _from_here(request: PageRequest) -> bool:
    """Whether a form is one of ours: browsers say where it was sent from."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _refusal(principal: Principal | None) -> str:
    if principal is None or principal.role in READERS:
        return "There is no such key, or it is revoked."
    return f"The role {principal.role} may not look at pages; it takes: {', '.join(sorted(READERS))}."
