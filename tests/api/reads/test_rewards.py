"""Who has which badges, coupons and rewards, and what is left of them."""

from datetime import timedelta
from typing import Any

from tests.api.reads.program import ReadProgram
from tests.support import gifts
from tests.support.gifts import CAMPAIGN, JULY, JUNE, Given, badge, reward


async def happen(program: ReadProgram, *given: Given) -> None:
    await program.writer.submit(gifts.recording(*given))
    await program.follow()


async def give(program: ReadProgram) -> None:
    """To M-1 badges, coupons and a reward, some of them taken back; M-2 has nothing."""
    await program.put("/badges/star", {"name": "Star"})
    await program.put("/coupons/welcome", {"name": "Welcome", "stock": 3})
    await program.put("/coupons/summer", {"name": "Summer", "generator": {}})
    await program.put("/rewards/mug", {"name": "Mug", "stock": 2})
    await program.post("/coupons/welcome/codes", {"codes": ["A", "B", "C", "D"]})
    for member in ("M-1", "M-2"):
        await program.put(f"/members/{member}", {})
    await happen(
        program,
        gifts.completed("M-1"),
        gifts.granted("M-1", badge("M-1"), reward("M-1"), badge("M-1", "moon"), at=JULY),
        gifts.taken("reward", "mug"),
        *gifts.issued("welcome", "A", "M-1"),
        *gifts.issued("summer", "SUN-1", "M-1"),
        *gifts.issued("welcome", "B", "M-1"),
        *gifts.voided("welcome", "B", "M-1"),
    )


async def test_badges_are_counted(program: ReadProgram) -> None:
    await give(program)
    moon, star = await program.listed("/members/M-1/badges", limit="1")
    assert star == {
        "badge": "star",
        "name": "Star",
        "times": 2,
        "first_at": "2026-06-01T00:00:00Z",
        "last_at": "2026-07-01T00:00:00Z",
    }
    assert (moon["badge"], moon["name"], moon["times"]) == ("moon", "moon", 1)
    assert [row["badge"] for row in await program.listed("/members/M-1/badges", limit="1", sort="-badge")] == [
        "star",
        "moon",
    ]
    earlier = {"first_at[lt]": JULY.isoformat()}
    assert [row["badge"] for row in await program.listed("/members/M-1/badges", **earlier)] == ["star"]
    assert await program.listed("/members/M-2/badges") == []


async def test_a_cancelled_grant_takes_its_badges_and_rewards_back(program: ReadProgram) -> None:
    await give(program)
    effects = (badge("M-1"), reward("M-1"), badge("M-1", "moon"))
    await happen(program, gifts.cancelled("M-1", 1, *effects), gifts.returned("reward", "mug"))
    (star,) = await program.listed("/members/M-1/badges")
    assert (star["badge"], star["times"], star["last_at"]) == ("star", 1, "2026-06-01T00:00:00Z")
    assert await program.listed("/members/M-1/rewards") == []
    assert (await program.shown("/rewards/mug"))["left"] == 2


async def test_rewards_are_counted(program: ReadProgram) -> None:
    await give(program)
    (mug,) = await program.listed("/members/M-1/rewards")
    assert (mug["reward"], mug["name"], mug["times"], mug["first_at"]) == ("mug", "Mug", 1, "2026-07-01T00:00:00Z")


async def test_coupons_say_what_they_are_worth_and_who_gave_them(program: ReadProgram) -> None:
    await give(program)
    second, generated, first = await program.listed("/members/M-1/coupons", limit="1")
    decision = second.pop("decision")
    assert second == {
        "coupon": "welcome",
        "name": "Welcome",
        "code": "B",
        "status": "void",
        "value": "7.5",
        "valid_until": "2026-07-01T00:00:00Z",
        "issued_at": "2026-09-10T12:00:00Z",
        "campaign": str(CAMPAIGN),
    }
    assert decision == first["decision"]
    assert (generated["coupon"], generated["code"], generated["status"]) == ("summer", "SUN-1", "expired")

    async def codes(**asked: str) -> list[str]:
        return [row["code"] for row in await program.listed("/members/M-1/coupons", limit="1", **asked)]

    assert await codes(sort="issued_at") == ["A", "SUN-1", "B"]
    assert await codes(status="expired") == ["SUN-1", "A"]
    assert await codes(status="issued") == []
    assert await codes(**{"status[ne]": "expired"}) == ["B"]
    assert await codes(**{"status[in]": "void,expired"}) == ["B", "SUN-1", "A"]
    assert await codes(coupon="summer") == ["SUN-1"]
    assert await codes(**{"valid_until[lt]": JUNE.isoformat()}) == []


async def test_codes_say_who_has_them(program: ReadProgram) -> None:
    await give(program)

    async def codes(**asked: str) -> list[dict[str, Any]]:
        return await program.listed("/coupons/welcome/codes", limit="1", **asked)

    first, second, third, _ = await codes()
    assert first == {
        "code": "A",
        "number": 1,
        "status": "expired",
        "member": "M-1",
        "issued_at": "2026-09-10T12:00:00Z",
        "valid_until": "2026-07-01T00:00:00Z",
    }
    assert (second["status"], second["member"]) == ("void", "M-1")
    nobody = {"member": None, "issued_at": None, "valid_until": None}
    assert third == {"code": "C", "number": 3, "status": "available", **nobody}
    assert [row["code"] for row in await codes(sort="-code", status="available")] == ["D", "C"]
    assert [row["code"] for row in await codes(member="M-1")] == ["A", "B"]
    assert [row["code"] for row in await codes(code="B")] == ["B"]
    assert [row["number"] for row in await program.listed("/coupons/summer/codes")] == [None]
    assert (await program.get("/coupons/nothing/codes")).status_code == 404
    refused = await program.client.get("/v1/coupons/welcome/codes", headers={"authorization": "Bearer integration"})
    assert refused.status_code == 403


async def test_time_alone_makes_a_coupon_expire(program: ReadProgram) -> None:
    await give(program)
    await happen(program, *gifts.voided("summer", "SUN-1", "M-1"))

    async def statuses(path: str) -> dict[str, str]:
        return {row["code"]: row["status"] for row in await program.listed(path)}

    for at, status in ((JULY - timedelta(microseconds=1), "issued"), (JULY, "expired")):
        program.clock.at = at
        assert await statuses("/members/M-1/coupons") == {"A": status, "B": "void", "SUN-1": "void"}
        assert await statuses("/coupons/welcome/codes") == {
            "A": status,
            "B": "void",
            "C": "available",
            "D": "available",
        }


async def test_stocks_say_what_is_given_and_left(program: ReadProgram) -> None:
    await give(program)

    async def figures(path: str) -> tuple[int, int | None]:
        shown = await program.shown(path)
        return shown["given"], shown["left"]

    assert await figures("/coupons/welcome") == (1, 2)
    assert await figures("/coupons/summer") == (1, None)
    assert await figures("/rewards/mug") == (1, 1)
    put = await program.put("/rewards/mug", {"stock": 0}, if_match="*")
    assert (put.json()["given"], put.json()["left"]) == (1, 0)
    assert [row["left"] for row in await program.listed("/coupons", limit="1")] == [None, 2]


async def test_a_stranger_is_not_found(program: ReadProgram) -> None:
    for path in ("badges", "coupons", "rewards"):
        assert (await program.get(f"/members/nobody/{path}")).status_code == 404
