"""What campaigns decide, as read: explained down to the facts, filtered, cancelled, and added up in accounts."""

from decimal import Decimal
from typing import Any

import pytest

from application.log.working import Working
from application.streams import PROGRESS
from domain.achievements import progress
from domain.achievements.definition import Period, PeriodKind, Rule
from domain.achievements.timeframe import Timeframe, TimeframeKind
from domain.campaigns.participation import Granted
from domain.facts.fact import Fact, FactKind
from domain.values.interval import Moment
from projections.decisions.queries import FactChange, decisions_caused
from tests.api.reads.program import ReadProgram
from tests.api.reads.rewarding import GOAL, Rewarding
from tests.api.routes.program import NOW, days
from tests.support.achievements import definition, rule


@pytest.fixture
async def rewarding(program: ReadProgram) -> Rewarding:
    rewarding = Rewarding(program)
    await rewarding.achievement()
    return rewarding


async def test_a_grant_is_explained_down_to_the_facts(program: ReadProgram, rewarding: Rewarding) -> None:
    campaign = await rewarding.campaign()
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "10.50")
    ((identity, _),) = await rewarding.decide()
    decision = await program.shown(f"/decisions/{identity}")
    recorded = {name: decision.pop(name) for name in ("position", "recorded_at")}
    (cause,) = decision["caused_by"]
    for fact in cause["facts"]:
        assert fact.pop("recorded_at")
        assert fact.pop("position")
    assert decision == {
        "id": str(identity),
        "kind": "campaign",
        "outcome": "granted",
        "reasons": [],
        "member": "M-1",
        "campaign": campaign,
        "revision": 1,
        "occurred_at": "2026-09-03T08:15:00Z",
        "trigger": {
            "kind": "achievement_completed",
            "id": "T-2",
            "fact_kind": "transaction",
            "achievement": str(GOAL),
            "achievement_revision": 1,
            "number": 1,
            "rules": [{"rule": 1, "value": "2", "goal": "2"}],
            "position": cause["position"],
        },
        "rules": [
            {
                "rule": 1,
                "name": "Big",
                "conditions": [
                    {
                        "expression": "transaction.total >= 5",
                        "met": True,
                        "saw": [{"name": "transaction.total", "value": "10.5"}],
                    }
                ],
                "effects": [
                    {
                        "kind": "give_units",
                        "to": "member",
                        "member": "M-1",
                        "account": "points",
                        "units": "105",
                        "breakdown": {
                            "expression": "10 * transaction.total",
                            "unrounded": "105",
                            "units": "105",
                            "clamped": False,
                        },
                        "reason": None,
                        "detail": None,
                    }
                ],
            }
        ],
        "counters": {
            "before": {"member_executions": "0", "member_units": "0", "total_units": "0"},
            "after": {"member_executions": "1", "member_units": "105", "total_units": "105"},
        },
        "caused_by": [
            {
                "kind": "achievement_completed",
                "id": "T-2",
                "achievement": str(GOAL),
                "number": 1,
                "position": cause["position"],
                "facts": [
                    {
                        "kind": "transaction",
                        "id": f"T-{number}",
                        "rule": 1,
                        "amount": "1",
                        "total": str(number),
                        "goal": "2",
                        "occurred_at": "2026-09-03T08:15:00Z",
                    }
                    for number in (1, 2)
                ],
                "more_facts": False,
            }
        ],
        "memberships": [],
        "cancelled_by": None,
    }
    (listed,) = await program.listed("/decisions")
    assert listed == {**decision, **recorded, "caused_by": [{**cause, "facts": None}]}


async def test_a_run_has_its_own_facts(program: ReadProgram, rewarding: Rewarding) -> None:
    """What was spent on a completion is not behind the next one; what was taken back is shown so."""
    await rewarding.campaign()
    for number in (1, 2, 3):
        await rewarding.buy(f"T-{number}", "M-1", "20")
    assert (await program.post("/transactions/T-3/refund", {})).status_code in (200, 201)
    await rewarding.buy("T-4", "M-1", "20")
    await rewarding.buy("T-5", "M-1", "20")
    first, second = [
        (await program.shown(f"/decisions/{made.id}"))["caused_by"][0] for made in await rewarding.decide()
    ]
    assert [(fact["id"], fact["amount"], fact["total"]) for fact in first["facts"]] == [
        ("T-1", "1", "1"),
        ("T-2", "1", "2"),
    ]
    assert [(fact["id"], fact["amount"], fact["total"]) for fact in second["facts"]] == [
        ("T-3", "1", "1"),
        ("T-3", "-1", "0"),
        ("T-4", "1", "1"),
        ("T-5", "1", "2"),
    ]
    assert (first["number"], second["number"]) == (1, 2)


MONTH, DAYS = Period(PeriodKind.MONTH), Period(PeriodKind.LAST_DAYS, 30)
BIG = {"all": [{"attribute": "transaction.total", "operator": "gte", "value": "50"}]}
FIVE = {"kind": "give_units", "account": "points", "units": "5"}


@pytest.mark.parametrize(
    ("rules", "bought", "behind"),
    [
        ([rule(goal="2", period=MONTH)], "05-01 06-01 07-01 06-02", ["06-01", "06-02"]),
        (
            [rule(goal="1", period=MONTH, consecutive=2)],
            "03-01 05-01 08-01 06-01",
            ["05-01", "06-01"],
        ),
        ([rule(goal="2", period=DAYS)], "03-01 05-01 07-01 05-30", ["05-01", "05-30"]),
        ([rule(goal="3")], "03-01 05-01 07-01", ["03-01", "05-01", "07-01"]),
        (
            [rule(goal="2", period=MONTH), rule(goal="1", period=MONTH, conditions=BIG)],
            "05-01 06-01 06-02 05-07 08-01:50",
            ["06-01", "06-02", "08-01:50"],
        ),
    ],
    ids=["a month", "a streak", "the last days", "overall", "two rules"],
)
async def test_a_completion_is_caused_by_what_counted_towards_it(
    program: ReadProgram, rewarding: Rewarding, rules: list[Rule], bought: str, behind: list[str]
) -> None:
    await rewarding.achievement(definition(*rules, limit=None))
    await rewarding.campaign(starts_at="2026-01-01T00:00:00Z")
    for day in bought.split():
        at, _, total = day.partition(":")
        await rewarding.buy(day, "M-1", total or "20", purchased_at=f"2026-{at}T12:00:00Z")
    ((identity, _),) = await rewarding.decide()
    (cause,) = (await program.shown(f"/decisions/{identity}"))["caused_by"]
    assert [fact["id"] for fact in cause["facts"]] == behind


async def test_progress_is_caused_by_what_counted_in_its_own_period(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.achievement(definition(rule(goal="9", period=MONTH), rule(goal="99", conditions=BIG), limit=None))
    await rewarding.campaign(trigger="achievement_progressed", starts_at="2026-01-01T00:00:00Z")
    for day in ("05-01", "06-01", "06-02"):
        await rewarding.buy(day, "M-1", "20", purchased_at=f"2026-{day}T12:00:00Z")
    *_, (identity, _) = await rewarding.decide()
    (cause,) = (await program.shown(f"/decisions/{identity}"))["caused_by"]
    assert [fact["id"] for fact in cause["facts"]] == ["06-01", "06-02"]


async def test_a_change_by_hand_is_a_cause_where_it_counted(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.achievement(definition(rule(goal="3", period=MONTH), limit=None))
    await rewarding.campaign(rules=[{"name": "Any", "effects": [FIVE]}], starts_at="2026-01-01T00:00:00Z")
    await program.put("/members/M-1", {})
    for month, value in (("05", "2"), ("06", "1")):
        change = {"reason": month, "rules": [{"rule": 1, "value": value, "at": f"2026-{month}-01T12:00:00Z"}]}
        assert (await program.patch(f"/members/M-1/achievements/{GOAL}", change)).status_code == 200
    for day in ("06-02", "06-03"):
        await rewarding.buy(day, "M-1", "20", purchased_at=f"2026-{day}T12:00:00Z")
    ((identity, _),) = await rewarding.decide()
    completion, by_hand = (await program.shown(f"/decisions/{identity}"))["caused_by"]
    assert [fact["id"] for fact in completion["facts"]] == ["06-02", "06-03"]
    assert by_hand["reason"] == "06"


async def test_a_completion_that_does_not_say_which_periods_it_took_is_caused_by_the_whole_run(
    program: ReadProgram, rewarding: Rewarding
) -> None:
    await rewarding.achievement(definition(rule(goal="1", period=MONTH), limit=None))
    await rewarding.campaign(rules=[{"name": "Any", "effects": [FIVE]}], starts_at="2026-01-01T00:00:00Z")
    stream, fact = PROGRESS.at(GOAL, 1, "M-1"), Fact(FactKind.TRANSACTION, "T-2")
    moment, one = Moment(NOW.toordinal(), 12), Decimal(1)

    def complete(working: Working) -> None:
        for number, bucket in ((1, 2026 * 12 + 6), (2, 2026 * 12 + 7)):
            of = GOAL, 1, "M-1", 0, 1, Fact(FactKind.TRANSACTION, f"T-{number}"), NOW, None, bucket
            working.record(stream, progress.Advanced(*of, one, one, one, one))
        working.record(stream, progress.Completed(GOAL, 1, "M-1", 0, 1, fact, NOW, moment, None))

    await program.put("/members/M-1", {})
    await program.writer.submit(complete)
    ((identity, _),) = await rewarding.decide()
    (cause,) = (await program.shown(f"/decisions/{identity}"))["caused_by"]
    assert [fact["id"] for fact in cause["facts"]] == ["T-1", "T-2"]


@pytest.mark.parametrize(
    ("kind", "n", "periods"),
    [
        ("overall", None, [None, None]),
        ("day", None, [("2026-08-31", "2026-08-31"), ("2026-09-03", "2026-09-03")]),
        ("week", None, [("2026-08-31", "2026-09-06"), ("2026-08-31", "2026-09-06")]),
        ("month", None, [("2026-08-01", "2026-08-31"), ("2026-09-01", "2026-09-30")]),
        ("year", None, [("2026-01-01", "2026-12-31"), ("2026-01-01", "2026-12-31")]),
        ("last_days", 7, [("2026-08-31", "2026-08-31"), ("2026-09-03", "2026-09-03")]),
    ],
)
async def test_each_fact_behind_a_decision_says_in_which_period_it_counted(
    program: ReadProgram, rewarding: Rewarding, kind: str, n: int | None, periods: list[tuple[str, str] | None]
) -> None:
    """Into whatever it has been edited since."""
    in_a_row = 2 if kind in ("day", "month") else 1
    days_off = Timeframe(TimeframeKind.NOT_BETWEEN, start="2026-09-01", to="2026-09-02")
    asked = rule(goal=Decimal(2 // in_a_row), period=Period(PeriodKind(kind), n), consecutive=in_a_row)
    await rewarding.achievement(definition(asked, limit=None, timeframe=days_off))
    await rewarding.campaign(rules=[{"name": "Any", "effects": [FIVE]}], starts_at="2026-01-01T00:00:00Z")
    for number, at in enumerate(("2026-08-31T10:00:00Z", "2026-09-03T10:00:00Z")):
        await rewarding.buy(f"T-{number}", "M-1", "20", purchased_at=at)
    ((identity, _),) = await rewarding.decide()
    await rewarding.edit(definition(rule()), 2)
    (cause,) = (await program.shown(f"/decisions/{identity}"))["caused_by"]
    shown = [fact.get("period") for fact in cause["facts"]]
    assert shown == [period and {"from": period[0], "to": period[1]} for period in periods]


async def test_a_refusal_says_what_was_missing_and_what_was_seen(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.campaign(
        audience={"everyone": False, "tiers": ["gold"]}, limits={"total_units": {"value": "10", "interval": None}}
    )
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "3")
    ((identity, _),) = await rewarding.decide()
    refusal = await program.shown(f"/decisions/{identity}")
    assert refusal["outcome"] == "refused"
    assert [(reason["code"], reason.get("rule")) for reason in refusal["reasons"]] == [
        ("not_in_audience", None),
        ("condition_not_met", 1),
    ]
    (rule,) = refusal["rules"]
    assert rule["conditions"] == [
        {
            "expression": "transaction.total >= 5",
            "met": False,
            "saw": [{"name": "transaction.total", "value": "3"}],
        }
    ]
    assert refusal["counters"]["before"] == refusal["counters"]["after"]
    assert [fact["id"] for fact in refusal["caused_by"][0]["facts"]] == ["T-1", "T-2"]
    (listed,) = await program.listed("/members/M-1/decisions", reason="condition_not_met")
    assert listed["id"] == str(identity)
    assert await program.listed("/decisions", reason="budget_exhausted") == []
    assert len(await program.listed("/decisions", **{"reason[in]": "budget_exhausted,not_in_audience"})) == 1


async def test_a_grant_names_what_held_the_member(program: ReadProgram, rewarding: Rewarding) -> None:
    await program.put("/segments/vip", {"expression": 'member.tier == "gold"'})
    await program.put("/members/M-1", {"tier": "gold"})
    await rewarding.campaign(audience={"everyone": False, "segments": ["vip"]})
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "20")
    await rewarding.decide()
    (listed,) = await program.listed("/decisions")
    assert listed["memberships"] == ["segment:vip"]


async def test_what_is_left_is_given_and_said_to_be_all(program: ReadProgram, rewarding: Rewarding) -> None:
    limits = {"total_units": {"value": "50", "interval": None}, "on_exhausted": "clamp"}
    await rewarding.campaign(limits=limits)
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "20")
    ((identity, _),) = await rewarding.decide()
    (effect,) = (await program.shown(f"/decisions/{identity}"))["rules"][0]["effects"]
    assert effect["breakdown"] == {
        "expression": "10 * transaction.total",
        "unrounded": "200",
        "units": "50",
        "clamped": True,
    }


async def test_what_was_changed_by_hand_names_the_reason_and_who(program: ReadProgram, rewarding: Rewarding) -> None:
    effect = {"kind": "give_units", "account": "points", "units": "7"}
    await rewarding.campaign(rules=[{"name": "Any", "effects": [effect]}])
    await rewarding.buy("T-1", "M-1", "20")
    adjusted = progress.Adjusted(
        GOAL, 1, "M-1", 0, "a mistake in the shop", NOW, Moment(NOW.toordinal(), 12), (), 0, 2, None
    )
    stream = PROGRESS.at(GOAL, 1, "M-1")
    await program.writer.submit(lambda working: working.record(stream, adjusted), actor="support")
    ((identity, _),) = await rewarding.decide()
    decision = await program.shown(f"/decisions/{identity}")
    assert (decision["trigger"]["id"], decision["trigger"]["fact_kind"]) == (None, None)
    completion, change = decision["caused_by"]
    assert (completion["kind"], completion["number"], completion["facts"]) == ("achievement_completed", 2, [])
    assert (change["kind"], change["reason"], change["by"]) == ("manual_change", "a mistake in the shop", "support")
    (account,) = await program.listed("/members/M-1/accounts")
    assert [(entry["cause"], entry["cause_id"]) for entry in account["entries"]] == [("manual_change", None)]


async def test_a_cancellation_and_its_grant_show_each_other(program: ReadProgram, rewarding: Rewarding) -> None:
    campaign = await rewarding.campaign()
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "10.5")
    ((identity, grant),) = await rewarding.decide()
    assert isinstance(grant, Granted)
    cancellation = await program.shown(f"/decisions/{await rewarding.cancel(grant, 1)}")
    assert (await program.shown(f"/decisions/{identity}"))["cancelled_by"] == cancellation["id"]
    assert (cancellation["kind"], cancellation["cancels"]) == ("cancellation", str(identity))
    assert cancellation["counters"] is None
    assert cancellation["trigger"]["reason"] == "bought by mistake"
    assert cancellation["rules"][0]["effects"][0]["units"] == "-105"
    assert [cause["id"] for cause in cancellation["caused_by"]] == [str(identity)]
    listed = await program.listed("/decisions", campaign=campaign, limit="1")
    assert [row["kind"] for row in listed] == ["cancellation", "campaign"]
    assert [row["id"] for row in await program.listed("/decisions", kind="cancellation")] == [cancellation["id"]]
    for as_of, by in [(listed[1]["position"], None), (cancellation["position"], cancellation["id"])]:
        history = await program.listed("/members/M-1/decisions", as_of=as_of)
        assert history[-1]["cancelled_by"] == by


async def test_a_decision_shows_what_the_referrer_had_before_and_after(
    program: ReadProgram, rewarding: Rewarding
) -> None:
    for member in ("M-1", "M-2"):
        await program.put(f"/members/{member}", {"referrer": "R-1"})
    limits = {"referrer_units": {"value": "25"}, "on_exhausted": "clamp"}
    effects = [FIVE, FIVE | {"units": "20", "to": "referrer"}]
    await rewarding.campaign(type="referral", rules=[{"name": "Both", "effects": effects}], limits=limits)
    for number in range(6):
        await rewarding.buy(f"T-{number}", f"M-{number % 3 + 1}", "20")
    await rewarding.decide()
    alone, second, first = await program.listed("/decisions")
    assert first["counters"] == {
        "before": {
            "member_executions": "0",
            "member_units": "0",
            "referrer_executions": "0",
            "referrer_units": "0",
            "total_units": "0",
        },
        "after": {
            "member_executions": "1",
            "member_units": "5",
            "referrer_executions": "1",
            "referrer_units": "20",
            "total_units": "25",
        },
    }
    assert second["counters"]["before"]["referrer_units"] == "20"
    assert second["counters"]["after"] == {
        "member_executions": "1",
        "member_units": "5",
        "referrer_executions": "2",
        "referrer_units": "25",
        "total_units": "35",
    }
    assert alone["counters"]["after"] == {"member_executions": "1", "member_units": "5", "total_units": "40"}


async def test_whoever_receives_finds_the_decision(program: ReadProgram, rewarding: Rewarding) -> None:
    for member in ("M-1", "M-2", "M-3"):
        await program.put(f"/members/{member}", {"referrer": "R-1"})
    effect = {"kind": "give_units", "account": "points", "units": "10", "to": "referrer"}
    limits = {"referrer_executions": {"value": 1}, "referrer_units": {"value": "10"}}
    await rewarding.campaign(type="referral", rules=[{"name": "Thanks", "effects": [effect]}], limits=limits)
    for number in range(6):
        await rewarding.buy(f"T-{number}", f"M-{number % 3 + 1}", "20")
    (grant, _), *others = await rewarding.decide()

    async def found(path: str, **asked: str) -> list[str]:
        return [row["id"] for row in await program.listed(path, **asked)]

    everything = [str(made.id) for made in reversed(others)] + [str(grant)]
    assert await found("/decisions", receiver="R-1") == [str(grant)]
    assert await found("/decisions", **{"receiver[in]": "M-1,R-1"}) == [str(grant)]
    assert await found("/decisions", **{"receiver[ne]": "R-1"}) == everything[:2]
    assert await found("/decisions", receiver="M-1") == []
    assert await found("/decisions", fact="T-3") == [str(grant)]
    assert await found("/members/R-1/decisions") == everything
    assert await found("/members/R-1/decisions", receiver="R-1") == [str(grant)]
    assert await found("/members/R-1/decisions", outcome="refused", reason="referrer_limit_reached") == everything[:2]
    assert await found("/members/M-1/decisions") == [str(grant)]
    (account,) = await program.listed("/members/R-1/accounts")
    assert account["awarded"] == "10"


async def test_an_account_that_is_not_active_any_more_is_paid_into(program: ReadProgram, rewarding: Rewarding) -> None:
    await program.put("/accounts/miles", {"name": "Miles"})
    await rewarding.campaign(rules=[{"name": "Miles", "effects": [FIVE | {"account": "miles"}]}])
    tiered = await program.campaign(account="miles")
    await program.put("/accounts/miles", {"name": "Miles", "active": False}, if_match="*")
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "20")
    ((_, decision),) = await rewarding.decide()
    assert isinstance(decision, Granted)
    await program.evaluate(tiered, 1, "M-1", points="400")
    accounts = {row["account"]: row["awarded"] for row in await program.listed("/members/M-1/accounts")}
    assert accounts["miles"] == "405"


async def test_accounts_add_up_whoever_gave(program: ReadProgram, rewarding: Rewarding) -> None:
    await program.put("/accounts/miles", {"name": "Miles", "unit": "mi", "decimals": 2})
    await program.put("/members/M-2", {})
    await program.put("/members/M-1", {"referrer": "M-2"})
    effects = [
        {"kind": "give_units", "account": "points", "units": "10", "to": "member"},
        {"kind": "give_units", "account": "points", "units": "5", "to": "referrer"},
        {"kind": "give_units", "account": "miles", "units": "0.25", "to": "referrer"},
    ]
    campaign = await rewarding.campaign(type="referral", rules=[{"name": "Both", "effects": effects}])
    tiered = await program.campaign()
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "20")
    (first,) = await rewarding.decide()
    await program.evaluate(tiered, 1, "M-1", points="400")
    await rewarding.buy("T-3", "M-1", "20", purchased_at="2026-10-20T00:00:00Z")
    await rewarding.buy("T-4", "M-1", "20", purchased_at="2026-10-20T00:00:00Z")
    (second,) = await rewarding.decide()
    assert isinstance(first.decision, Granted)
    cancellation = await rewarding.cancel(first.decision, 1)

    async def shown(member: str) -> dict[str, tuple[str, list[tuple[str, str, str | None]]]]:
        rows = await program.listed(f"/members/{member}/accounts")
        return {
            row["account"]: (
                row["awarded"],
                [(entry["points"], entry["cause"], entry["cause_id"]) for entry in row["entries"]],
            )
            for row in rows
        }

    taken = ("cancellation", str(first.id))
    assert await shown("M-1") == {
        "miles": ("0.00", []),
        "points": (
            "410",
            [
                ("-10", *taken),
                ("10", "transaction", "T-4"),
                ("400", "evaluation", None),
                ("10", "transaction", "T-2"),
            ],
        ),
    }
    assert await shown("M-2") == {
        "miles": (
            "0.25",
            [("-0.25", *taken), ("0.25", "transaction", "T-4"), ("0.25", "transaction", "T-2")],
        ),
        "points": ("5", [("-5", *taken), ("5", "transaction", "T-4"), ("5", "transaction", "T-2")]),
    }
    points = (await program.listed("/members/M-1/accounts", account="points"))[0]
    assert [(entry["tiered_campaign"], entry.get("campaign")) for entry in points["entries"]] == [
        (None, campaign),
        (None, campaign),
        (tiered, None),
        (None, campaign),
    ]
    assert [entry["decision"] for entry in points["entries"]][:2] == [str(cancellation), str(second.id)]
    assert points["entries_total"] == 4
    miles = await program.listed("/decisions", account="miles")
    assert [row["id"] for row in miles] == [str(cancellation), str(second.id), str(first.id)]


async def test_decisions_of_all_kinds_are_in_one_history(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.campaign()
    tiered = await program.campaign(late="correct")
    await rewarding.buy("T-1", "M-1", "20")
    await rewarding.buy("T-2", "M-1", "10")
    ((_, grant),) = await rewarding.decide()
    await program.evaluate(tiered, 1, "M-1", points="300")
    program.clock.at += days(1)
    await rewarding.buy("T-3", "M-1", "5")
    assert isinstance(grant, Granted)
    await rewarding.cancel(grant, 1)

    async def kinds(**asked: Any) -> list[str]:
        return [row["kind"] for row in await program.listed("/members/M-1/decisions", limit="1", **asked)]

    whole = ["cancellation", "correction", "tiered_award", "campaign"]
    assert await kinds() == whole
    assert await kinds(account="points", sort="recorded_at") == whole[::-1]
    assert await kinds(account="miles") == []
    assert await kinds(campaign=tiered) == ["correction", "tiered_award"]
    assert await kinds(**{"kind[in]": "campaign,cancellation"}) == ["cancellation", "campaign"]
    assert await kinds(as_of="2026-10-08T00:00:00Z") == ["tiered_award", "campaign"]
    assert await kinds(**{"occurred_at[lt]": "2026-09-10T00:00:00Z"}) == ["campaign"]


async def test_what_facts_led_to_is_found_by_them(program: ReadProgram, rewarding: Rewarding) -> None:
    await rewarding.campaign()
    positions = []
    for number, member in enumerate(("M-1", "M-1", "M-2", "M-2")):
        await rewarding.buy(f"T-{number}", member, "20")
        positions.append(program.head())
    made = await rewarding.decide()
    refunded = await program.post("/transactions/T-3/refund", {})
    facts = [Fact(FactKind.TRANSACTION, f"T-{number}") for number in range(4)]
    bought = [FactChange(fact, at) for fact, at in zip(facts, positions, strict=True)]
    async with program.services.reads.pool.connection() as connection:
        found = await decisions_caused(connection, [bought[3], bought[0], bought[1], bought[3]])
        assert [row.id for row in found] == [each.id for each in made]
        assert await decisions_caused(connection, [FactChange(facts[3], int(refunded.json()["position"]))]) == []
        assert await decisions_caused(connection, [FactChange(Fact(FactKind.EVENT, "T-3"), positions[3])]) == []
        assert await decisions_caused(connection, []) == []
