from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from application.service.keys import Keys, Role, make_key, revoke_key
from application.service.sessions import (
    IDLE_SECONDS,
    LONGEST_TOKEN,
    MOST_SESSIONS,
    NOTED_SECONDS,
    SESSION_SECONDS,
    Sessions,
)
from backoffice.frame.sign_in import MOST_FIELDS
from backoffice.frame.site import COOKIE
from tests.application.schedule.jobs.program import Running, running
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


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "http://laurel.test.elsewhere.test"},
        {"Origin": "http://laurel.test:81"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
async def test_another_site_can_neither_sign_in_nor_out(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/sign-in", data={"key": ADMIN_KEY}, headers=headers)
    assert answer.status_code == 403
    assert "This came from another site" in answer.text
    assert "set-cookie" not in answer.headers
    await sign_in(client)
    answer = await client.post("/sign-out", headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert await admitted(client)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://laurel.test"},
        {"Origin": "http://laurel.test"},
        {"Origin": "https://shown.test", "X-Forwarded-Host": "shown.test"},
        {},
    ],
)
async def test_our_own_pages_can(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.post("/sign-in", data={"key": ADMIN_KEY}, headers=headers)).status_code == 303
    assert (await client.post("/sign-out", headers=headers)).status_code == 303
    assert not await admitted(client)


async def test_who_signs_out_is_signed_out_everywhere(program: Running, client: httpx.AsyncClient) -> None:
    await sign_in(client)
    kept = client.cookies[COOKIE]
    answer = await client.post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in client.cookies
    async with visitor(program) as elsewhere:
        for each in (client, elsewhere):
            each.cookies[COOKIE] = kept
            assert not await admitted(each)


async def test_signing_out_needs_no_session(client: httpx.AsyncClient) -> None:
    client.cookies[COOKIE] = "nobody's"
    assert (await client.post("/sign-out")).headers["location"] == "/sign-in"


async def test_signing_in_again_ends_the_session_before(program: Running, client: httpx.AsyncClient) -> None:
    await sign_in(client)
    before = client.cookies[COOKIE]
    await sign_in(client)
    assert await admitted(client)
    async with visitor(program) as other:
        other.cookies[COOKIE] = before
        assert not await admitted(other)


async def test_signing_out_ends_one_session_of_many(program: Running, client: httpx.AsyncClient) -> None:
    async with visitor(program) as other:
        await sign_in(client)
        await sign_in(other)
        await client.post("/sign-out")
        assert await admitted(other)


async def test_a_form_of_any_size_is_not_read(client: httpx.AsyncClient) -> None:
    assert (await sign_in(client, "x" * 100_000)).status_code == 413


@pytest.mark.parametrize(
    ("content", "content_type", "said"),
    [
        (f"key={ADMIN_KEY}" + "&a=1" * MOST_FIELDS, "application/x-www-form-urlencoded", "at most 10 fields"),
        ("&" * 100, "application/x-www-form-urlencoded", "at most 10 fields"),
        ("key=%ff", "application/x-www-form-urlencoded", "in UTF-8"),
        (b"key=\xff", "application/x-www-form-urlencoded", "in UTF-8"),
        ("{}", "application/json", "application/x-www-form-urlencoded"),
        ("--x\r\n" * 2_000, "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"),
        ("key=a", "", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_form_that_can_t_be_read_is_told_why(
    client: httpx.AsyncClient, content: str | bytes, content_type: str, said: str
) -> None:
    answer = await client.post("/sign-in", content=content, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert said in answer.text
    assert ADMIN_KEY not in answer.text


@pytest.mark.parametrize("host", ["a:b:c", "[::1", "x:99999", ""])
async def test_a_host_that_is_none_does_no_harm(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/sign-in", headers={"host": host})).status_code == 200
    assert (await client.get("/members", headers={"host": host})).status_code == 303


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/v1/nothing", "/schema", "/static/laurel.css", "/members"])
async def test_nothing_is_taken_for_what_it_is_not(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "same-origin"


async def test_a_session_ends_with_its_key(program: Running, client: httpx.AsyncClient) -> None:
    key, known = await make_key(program.pool, "someone", Role.ANALYST, NOW)
    await sign_in(client, key)
    assert await admitted(client)
    await revoke_key(program.pool, known.id, NOW)
    assert not await admitted(client)
    answer = await sign_in(client, key)
    assert answer.status_code == 403
    assert "There is no such key" in answer.text


class Machine:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def opened(program: Running, sessions: Sessions, role: Role = Role.AUDITOR) -> str:
    key, _ = await make_key(program.pool, "someone", role, NOW)
    principal = await _keys(program).verify(key)
    assert principal
    token = await sessions.open(principal)
    assert token
    assert await sessions.principal(token) == principal
    return token


async def test_a_session_ends_in_time_however_it_is_used(program: Running) -> None:
    machine = Machine()
    sessions = Sessions(program.pool, ADMIN_KEY, machine)
    token = await opened(program, sessions)
    for _ in range(SESSION_SECONDS // IDLE_SECONDS):
        machine.pass_seconds(IDLE_SECONDS - 1)
        assert await sessions.principal(token)
    machine.pass_seconds(SESSION_SECONDS // IDLE_SECONDS - 1)
    assert await sessions.principal(token)
    machine.pass_seconds(1)
    assert await sessions.principal(token) is None


async def test_a_session_that_is_not_used_ends_sooner(program: Running) -> None:
    machine = Machine()
    sessions = Sessions(program.pool, ADMIN_KEY, machine)
    token = await opened(program, sessions)
    machine.pass_seconds(NOTED_SECONDS)
    assert await sessions.principal(token)
    machine.pass_seconds(IDLE_SECONDS)
    assert await sessions.principal(token) is None


async def test_sessions_that_are_over_are_removed_and_those_of_a_key_are_bounded(program: Running) -> None:
    machine = Machine()
    sessions = Sessions(program.pool, ADMIN_KEY, machine)
    admin = await _keys(program).verify(ADMIN_KEY)
    assert admin
    await opened(program, sessions)
    tokens = []
    for _ in range(MOST_SESSIONS + 2):
        machine.pass_seconds(1)
        tokens.append(await sessions.open(admin) or "")
    assert [await sessions.principal(token) for token in tokens[:3]] == [None, None, admin]
    assert await program.rows("SELECT count(*) FROM laurel.sessions") == [(MOST_SESSIONS + 1,)]
    machine.pass_seconds(SESSION_SECONDS)
    await opened(program, sessions)
    assert await program.rows("SELECT count(*) FROM laurel.sessions") == [(1,)]


async def test_every_process_knows_a_session_and_no_one_can_make_one(program: Running) -> None:
    one, other = Sessions(program.pool, ADMIN_KEY), Sessions(program.pool, ADMIN_KEY)
    principal = await _keys(program).verify(ADMIN_KEY)
    assert principal
    token = await one.open(principal)
    assert token
    assert await other.principal(token) == principal
    for each in (token[:-1], token + "a", token.swapcase(), "é", "\x00", "\ud800", "a" * (LONGEST_TOKEN + 1), ""):
        assert await other.principal(each) is None
    for setting in ("another-admin-key-now", None):
        assert await Sessions(program.pool, setting).principal(token) is None
    await one.end(token)
    assert await other.principal(token) is None


async def test_what_is_stored_opens_nothing(program: Running) -> None:
    sessions = Sessions(program.pool, ADMIN_KEY)
    token = await opened(program, sessions)
    [(row,)] = await program.rows("SELECT row_to_json(s)::text FROM laurel.sessions s")
    assert token not in row
    [(stored,)] = await program.rows("SELECT encode(id, 'hex') FROM laurel.sessions")
    assert await sessions.principal(stored) is None


def _keys(program: Running) -> Keys:
    return Keys(program.pool, ADMIN_KEY)
