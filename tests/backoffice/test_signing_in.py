from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from application.keys import Keys, Role, make_key, revoke_key
from backoffice.sessions import COOKIE, SESSION_SECONDS, Sessions
from tests.application.jobs.program import Running, running
from tests.backoffice.pages import ADMIN_KEY, sign_in, visitor

NOW = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
async def program(database: str) -> AsyncIterator[Running]:
    async with running(database, follows=False) as program:
        yield program


@pytest.fixture
async def client(program: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with visitor(program) as client:
        yield client


async def admitted(client: httpx.AsyncClient) -> bool:
    """Nothing has followed the log here yet: who is admitted is told to try again, a stranger to sign in."""
    answer = await client.get("/members")
    assert answer.status_code in (303, 503)
    assert answer.status_code == 303 or "Laurel is starting" in answer.text
    return answer.status_code == 503


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/", "/sign-in"),
        ("/members?q=M-1", "/sign-in?next=%2Fmembers%3Fq%3DM-1"),
        ("/tiered-campaigns/018f0000-0000-7000-8000-000000000001", None),
        ("/members/M-1", None),
    ],
)
async def test_no_page_is_shown_to_a_stranger(client: httpx.AsyncClient, path: str, to: str | None) -> None:
    answer = await client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    assert to in (None, answer.headers["location"])
    live = await client.get(path, headers={"HX-Request": "true"})
    assert (live.status_code, live.text) == (401, "")
    assert live.headers["HX-Redirect"] == answer.headers["location"]


async def test_a_key_opens_a_session_that_scripts_and_other_sites_do_not_see(client: httpx.AsyncClient) -> None:
    answer = await sign_in(client, next="/members?q=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/members?q=a")
    cookie = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/", f"max-age={SESSION_SECONDS}"):
        assert part in cookie
    assert "secure" not in cookie
    assert ADMIN_KEY not in cookie
    assert await admitted(client)


async def test_over_https_the_cookie_stays_there(program: Running) -> None:
    async with visitor(program) as client:
        client.base_url = httpx.URL("https://laurel.test")
        assert "secure" in (await sign_in(client)).headers["set-cookie"].lower()


@pytest.mark.parametrize("key", ["", "nothing", "laurel_000000000000_secret", "x" * 5_000])
async def test_a_wrong_key_opens_nothing(client: httpx.AsyncClient, key: str) -> None:
    answer = await sign_in(client, key)
    assert answer.status_code == 403
    assert "There is no such key" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("role", Role)
async def test_roles_that_read_everything_may_look(program: Running, client: httpx.AsyncClient, role: Role) -> None:
    key, _ = await make_key(program.pool, "someone", role, NOW)
    answer = await sign_in(client, key)
    if role is Role.INTEGRATION:
        assert answer.status_code == 403
        assert "integration may not look at pages" in answer.text
    else:
        assert answer.status_code == 303
        assert await admitted(client)


@pytest.mark.parametrize(
    "to", ["//elsewhere.test", "https://elsewhere.test", "/\\elsewhere.test", "/a\r\nb", "/a" + "b" * 2_500]
)
async def test_nobody_is_sent_to_another_site(client: httpx.AsyncClient, to: str) -> None:
    assert (await sign_in(client, next=to)).headers["location"] == "/"


async def test_another_site_can_neither_sign_in_nor_out(client: httpx.AsyncClient) -> None:
    from_elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/sign-in", data={"key": ADMIN_KEY}, headers=from_elsewhere)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    await sign_in(client)
    answer = await client.post("/sign-out", headers=from_elsewhere)
    assert "set-cookie" not in answer.headers
    assert await admitted(client)


async def test_signing_out_takes_the_cookie_back(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    answer = await client.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in client.cookies
    assert not await admitted(client)


async def test_a_form_of_any_size_is_not_read(client: httpx.AsyncClient) -> None:
    assert (await sign_in(client, "x" * 100_000)).status_code == 413


async def test_a_session_ends_with_its_key(program: Running, client: httpx.AsyncClient) -> None:
    key, known = await make_key(program.pool, "someone", Role.ANALYST, NOW)
    await sign_in(client, key)
    assert await admitted(client)
    await revoke_key(program.pool, known.id, NOW)
    assert not await admitted(client)


async def test_a_session_ends_in_time(program: Running) -> None:
    clock = [1_000_000.0]
    sessions = Sessions(program.pool, ADMIN_KEY, lambda: clock[0])
    key, _ = await make_key(program.pool, "someone", Role.AUDITOR, NOW)
    principal = await _keys(program).verify(key)
    assert principal
    token = await sessions.open(principal)
    assert token
    clock[0] += SESSION_SECONDS - 1
    assert await sessions.principal(token) == principal
    clock[0] += 1
    assert await sessions.principal(token) is None


async def test_every_process_knows_a_session_and_no_one_can_make_one(program: Running) -> None:
    one, other = Sessions(program.pool, ADMIN_KEY), Sessions(program.pool, ADMIN_KEY)
    principal = await _keys(program).verify(ADMIN_KEY)
    assert principal
    token = await one.open(principal)
    assert token
    assert await other.principal(token) == principal
    key_id, expires, signature = token.split(".")
    forged = [
        f"{key_id}.{int(expires) - 1}.{signature}",
        f"{key_id}.{int(expires) + 10**6}.{signature}",
        f"{key_id}.{expires}.{'0' * len(signature)}",
        f"000000000000.{expires}.{signature}",
        f"{key_id}.{expires}",
        f"{key_id}..{signature}",
        "..",
        "é.1.x",
        f"{key_id}.٣.{signature}",
        token * 10,
        "",
    ]
    for each in forged:
        assert await other.principal(each) is None
    assert await Sessions(program.pool, "another-admin-key-now").principal(token) is None
    assert await Sessions(program.pool, None).principal(token) is None


def _keys(program: Running) -> Keys:
    return Keys(program.pool, ADMIN_KEY)
