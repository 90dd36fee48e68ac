from domain.members import member as members
from domain.members.member import (
    Changed,
    FixedReferrer,
    ListJoined,
    ListLeft,
    Member,
    ReferrerCycle,
    ReferrerSet,
    Registered,
    SelfReferral,
)


def after(*events: members.Event) -> Member:
    member: Member | None = None
    for event in events:
        member = members.evolve(member, event)
    assert member
    return member


def test_putting_an_unknown_member_registers_and_describes_them() -> None:
    events = members.put(None, "M-1", "gold", {"city": "Paris"}, "M-0")
    assert events == [Registered("M-1"), Changed("M-1", "gold", {"city": "Paris"}), ReferrerSet("M-1", "M-0")]
    assert isinstance(events, list)
    assert after(*events) == Member("M-1", "gold", {"city": "Paris"}, (), "M-0")


def test_putting_what_is_there_already_stays_quiet() -> None:
    assert members.put(Member("M-1", "gold", {"a": True}), "M-1", "gold", {"a": True}, None) == []


def test_attributes_are_replaced_whole() -> None:
    known = Member("M-1", None, {"a": "1", "b": "2"})
    assert members.put(known, "M-1", None, {"a": "1"}, None) == [Changed("M-1", None, {"a": "1"})]


def test_a_referrer_is_set_once() -> None:
    known = Member("M-1", referrer="M-0")
    assert members.put(known, "M-1", None, {}, "M-0") == []
    assert members.put(known, "M-1", None, {}, "M-9") == FixedReferrer("M-0")


def test_a_chain_of_referrers_never_comes_back_to_the_member() -> None:
    events = members.put(Member("M-1"), "M-1", None, {}, "M-3", "M-0")
    assert events == [ReferrerSet("M-1", "M-3", "M-0")]
    assert members.put(Member("M-1"), "M-1", None, {}, "M-3", "M-1") == ReferrerCycle()
    referred = after(Registered("M-1"), ReferrerSet("M-1", "M-3", "M-0"), Changed("M-1", "gold", {}))
    assert referred == Member("M-1", "gold", referrer="M-3", origin="M-0")
    assert members.put(referred, "M-1", "gold", {}, None) == []


def test_nobody_refers_themselves() -> None:
    assert members.put(None, "M-1", None, {}, "M-1") == SelfReferral()


def test_joining_a_list_twice_and_leaving_one_not_joined_stay_quiet() -> None:
    listed = after(Registered("M-1"), ListJoined("M-1", "vip"))
    assert members.join(listed, "M-1", "vip") == []
    assert members.leave(listed, "other") == []
    assert members.leave(None, "vip") == []


def test_joining_registers_and_leaving_keeps_the_other_lists() -> None:
    assert members.join(None, "M-1", "vip") == [Registered("M-1"), ListJoined("M-1", "vip")]
    both = after(Registered("M-1"), ListJoined("M-1", "vip"), ListJoined("M-1", "new"))
    assert members.leave(both, "vip") == [ListLeft("M-1", "vip")]
    assert members.evolve(both, ListLeft("M-1", "vip")).lists == ("new",)
