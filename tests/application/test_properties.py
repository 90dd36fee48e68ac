"""What holds whatever is sent, in whatever order: late facts converge, pending points add up, the log says it all."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial, reduce
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from application.catalogue.commands import put_entry, put_product
from application.facts import ingest
from application.facts.ingest import Repeated
from application.log.fold import folded
from application.log.mapper import Mapper
from application.log.streams import Stream
from application.members.commands import change_list, put_member
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Refusal
from application.streams import ENTRY, KINDS, MEMBER_EVENT, STANDING, TRANSACTION
from application.tiered import commands as tiered_campaigns
from domain.catalogue.entries import EventType, MemberList, Segment
from domain.catalogue.product import Product
from domain.facts.event import Happening
from domain.facts.fact import FactKind
from domain.facts.outcomes import Contribution
from domain.facts.purchase import Item, Purchase, ReturnedItem
from domain.facts.refund import part_left, stated_at
from domain.facts.transaction import Refunded, Status, Transaction, evolve, left_of, refund
from domain.tiered.campaign import started
from domain.tiered.definition import Aggregate, Audience, Definition
from domain.tiered.occurrence import Phase
from domain.tiered.points import HitType
from domain.tiered.preview import Figures
from domain.tiered.standing import Awarded, Contributed, Corrected, Standing
from domain.tiered.terms import CombinationPart, CombinationScope, Confirmation, Late
from domain.values.amounts import EXACT, FRACTION_DIGITS, ONE
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid
from tests.support.campaigns import CAMPAIGN, RULES, definition, recount, running, tiers
from tests.support.program import Program

ANY = Precondition(exists=True)
ANY_OR_NONE = Precondition()
MAPPER = Mapper(KINDS)
MEMBERS = ("M-1", "M-2")
PRICES = {"A": Decimal(10), "B": Decimal("7.35")}
AFTER_BOTH = datetime(2026, 11, 8, tzinfo=UTC)
"""Both occurrences of the convergence test are due."""


class Recording(Program):
    """Remembers which stream each event is on."""

    def __init__(self, now: datetime) -> None:
        self.log: list[tuple[Stream[Any, Any], Any]] = []
        super().__init__(now)

    def do(self, command: Callable[[Any], Any]) -> Any:
        answer = super().do(command)
        self.log += [(stream, event) for stream, event, _ in self._recorded]
        return answer

    def offer(self, command: Callable[[Any], Any]) -> bool:
        """Whether the command is taken; one that is refused changes nothing, and there is no third way."""
        states, events = dict(self._states), len(self.events)
        try:
            self.do(command)
        except (Refusal, Invalid, Repeated):
            self._recorded = []
            assert (self._states, len(self.events)) == (states, events)
            return False
        return True


def check_replay(program: Recording) -> None:
    """Every stream's events, written and read again, fold to the state that it has; so does that state itself."""
    payloads: dict[Stream[Any, Any], list[tuple[str, bytes]]] = defaultdict(list)
    for stream, event in program.log:
        payloads[stream].append(MAPPER.encode(event))
    for stream, events in payloads.items():
        state = program.state(stream)
        assert folded(MAPPER, None, events) == state
        assert MAPPER.decode_state(stream.kind.name, MAPPER.encode_state(state)) == state
        assert program.version(stream) == len(events)


def check_pending(program: Recording) -> None:
    """Pending points are what the total earns until it is awarded, and the changes of them add up to them."""
    sums: dict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    members: set[tuple[UUID, int, str]] = set()
    for event in program.events:
        if isinstance(event, Contributed | Awarded):
            members.add((event.campaign, event.occurrence, event.member))
            change = event.pending_points_change if isinstance(event, Contributed) else -event.pending_points
            sums[event.campaign, event.occurrence] += change
    pending: dict[tuple[UUID, int], Decimal] = defaultdict(Decimal)
    for campaign, occurrence, member in members:
        found: Standing = program.state(STANDING.at(campaign, occurrence, member))
        pending[campaign, occurrence] += found.pending_points
        terms = program.catalogue.terms(campaign, occurrence)
        if terms and found.awarded is None and found.revision == terms.revision:
            assert found.pending_points == terms.points(found.total)
            assert found.confirmed_points == terms.points(found.confirmed)
    assert {key: value for key, value in sums.items() if value} == {k: v for k, v in pending.items() if v}


def check_contributions(program: Recording, campaign: UUID) -> None:
    """Standings ahead are by the current terms, and hold what the facts' own streams say of them."""
    known = program.catalogue.tiered_campaigns[campaign]
    first = started(known, program.now) + 1
    held: dict[tuple[int, str], list[Contribution]] = defaultdict(list)
    for fact in dict.fromkeys(stream for stream, _ in program.log if stream.kind in (TRANSACTION, MEMBER_EVENT)):
        state = program.state(fact)
        member = state.purchase.member if isinstance(state, Transaction) else state.happening.member
        for contribution in state.contributions:
            if contribution.tiered_campaign == campaign:
                held[contribution.occurrence, member].append(contribution)
    for number in range(first, len(known.windows) + 1):
        terms = program.catalogue.terms(campaign, number)
        for member in ("M-1", "M-2", "M-3") if terms else ():
            found = program.state(STANDING.at(campaign, number, member))
            if terms and found:
                assert found.revision == terms.revision
                assert all(contribution.revision == terms.revision for contribution in held[number, member])
                if not terms.collects:
                    assert found.total == reduce(EXACT.add, [c.amount for c in held[number, member]], Decimal(0))


class Bought(NamedTuple):
    """What a transaction comes to when all of its steps are done."""

    member: str
    occurrence: int
    known: Transaction
    counts: bool


class Script(NamedTuple):
    """Steps in the order in which one caller takes them."""

    steps: list[Callable[[Any], Any]]
    bought: Bought | None = None


def _purchase(transaction: str, member: str, occurrence: int, pieces: dict[str, int]) -> Purchase:
    items = tuple(Item(sku, Decimal(count), PRICES[sku]) for sku, count in pieces.items() if count)
    total = sum((item.value for item in items), Decimal(0))
    at = datetime(2026, 8 + occurrence, 5, tzinfo=UTC)
    net = EXACT.multiply(total, Decimal("0.8"))
    return Purchase(transaction, member, at, total, items=items, attributes={"net": f"{net:f}"})


PIECES = st.fixed_dictionaries({"A": st.integers(1, 9), "B": st.integers(0, 4)})


@st.composite
def refunds(draw: st.DrawFn, purchase: Purchase) -> tuple[list[Callable[[Any], Any]], Transaction]:
    """Up to three refunds by amount, of pieces, or both, and what becomes of it."""
    known = Transaction(purchase, Status.ACCEPTED)
    steps: list[Callable[[Any], Any]] = []
    for _ in range(draw(st.integers(0, 3))):
        left = left_of(known).purchase
        lines = [line for line in left.items if draw(st.booleans())]
        items = tuple(ReturnedItem(line.product, Decimal(draw(st.integers(1, int(line.quantity))))) for line in lines)
        amount = draw(st.none() | st.decimals(Decimal("0.01"), left.total, places=2)) if left.total else None
        stated: dict[str, str | bool] = {"net": "1"} if draw(st.booleans()) and (items or amount) else {}
        event = refund(known, amount, items, stated, None)
        assert isinstance(event, Refunded | list), event
        if isinstance(event, list):  # the net figure is less already
            continue
        known = evolve(known, event)
        step = partial(ingest.refund, transaction_id=purchase.id, amount=amount, items=items, refund_id=None)
        steps.append(partial(step, attributes=stated))
        if known.status is Status.REFUNDED:
            break
    return steps, known


@st.composite
def lives(draw: st.DrawFn, transaction: str) -> Script:
    """A transaction from its arrival to its end: updates, then rejected or accepted, then refunds of pieces."""
    member = draw(st.sampled_from(MEMBERS))
    status = draw(st.sampled_from([Status.PENDING, Status.ACCEPTED]))
    occurrence, pieces = draw(st.integers(1, 2)), dict(draw(PIECES))
    bought = _purchase(transaction, member, occurrence, pieces)
    steps: list[Any] = [partial(ingest.receive_transaction, purchase=bought, status=status, rules=RULES)]
    counts = True
    if status is Status.PENDING:
        for _ in range(draw(st.integers(0, 2))):
            occurrence, pieces = draw(st.integers(1, 2)), dict(draw(PIECES))
            bought = _purchase(transaction, member, occurrence, pieces)
            steps.append(partial(ingest.update, purchase=bought))
        end = draw(st.sampled_from(["accept", "accept", "reject", "wait"]))
        counts = end == "accept"
        if end == "accept":
            steps.append(partial(ingest.accept, transaction_id=transaction))
        elif end == "reject":
            steps.append(partial(ingest.reject, transaction_id=transaction, reason=None))
    back, known = draw(refunds(bought)) if counts else ([], Transaction(bought, Status.REJECTED))
    return Script([*steps, *back], Bought(member, occurrence, known, counts))


def evaluation(occurrence: int, members: Sequence[str]) -> Script:
    """Its fence, then its awards in some order, some of them twice."""
    fence = partial(tiered_campaigns.start_evaluation, campaign_id=CAMPAIGN, number=occurrence)
    awards = [
        partial(tiered_campaigns.award, campaign_id=CAMPAIGN, number=occurrence, member_ids=[member])
        for member in members
    ]
    return Script([fence, *awards])


SETS = (CombinationPart("A", Decimal(2)), CombinationPart("B", Decimal(1)))
DEFINITIONS: dict[str, dict[str, Any]] = {
    "total": {"aggregate": Aggregate("total")},
    "net": {"aggregate": Aggregate("attributes.net")},
    "lines": {"aggregate": Aggregate("total"), "products": ("A",)},
    "quantity": {"aggregate": Aggregate("quantity"), "bracketed": True},
    "sets": {"aggregate": Aggregate(combination=SETS), "hit_type": HitType.HIT_LIMIT},
    "sets of each": {"aggregate": Aggregate(combination=SETS, scope=CombinationScope.TRANSACTION)},
}


def aggregate_of(name: str, bought: Sequence[Transaction]) -> Decimal:
    purchases = [left_of(known).purchase for known in bought]
    pieces = [Counter({item.product: int(item.quantity) for item in purchase.items}) for purchase in purchases]
    match name:
        case "total":
            return sum((purchase.total for purchase in purchases), Decimal(0))
        case "net":
            return reduce(EXACT.add, map(net_of, bought), Decimal(0))
        case "lines":
            lines = (item for purchase in purchases for item in purchase.items if item.product == "A")
            return sum((item.value for item in lines), Decimal(0))
        case "quantity":
            return Decimal(sum(sum(each.values()) for each in pieces))
        case "sets":
            return Decimal(min(sum(each["A"] for each in pieces) // 2, sum(each["B"] for each in pieces)))
        case _:
            return Decimal(sum(min(each["A"] // 2, each["B"]) for each in pieces))


def net_of(known: Transaction) -> Decimal:
    left = left_of(known)
    net = left.purchase.attributes["net"]
    assert isinstance(net, str)
    whole = known.status is Status.REFUNDED
    return Decimal(0) if whole else part_left(Decimal(net), left, stated_at(left, ("net",)))


@given(st.data(), st.sampled_from(sorted(DEFINITIONS)))
@settings(max_examples=120, deadline=None)
def test_late_facts_come_to_the_same_points_in_any_order(data: st.DataObject, name: str) -> None:
    program = Recording(AFTER_BOTH)
    for sku in PRICES:
        program.do(partial(put_product, product=Product(sku, sku), precondition=ANY_OR_NONE))
    rows = tiers(("0", "3", "1"), ("3", "20", "2.5"), ("20", "90", "3"))
    running(program, **({"tiers": rows, "late": Late.CORRECT} | DEFINITIONS[name]))
    scripts = [data.draw(lives(f"T-{number}")) for number in range(data.draw(st.integers(1, 4)))]
    purchases = [script.bought for script in scripts if script.bought]
    some = st.lists(st.sampled_from(MEMBERS), max_size=3)
    scripts += [evaluation(occurrence, data.draw(some)) for occurrence in (1, 2)]
    turns = [number for number, script in enumerate(scripts) for _ in script.steps]
    steps = [iter(script.steps) for script in scripts]
    for turn in data.draw(st.permutations(turns)):
        step = next(steps[turn])
        try:
            program.do(step)
        except Conflict:
            raise AssertionError(f"{step} was refused") from None
        check_pending(program)
    for occurrence in (1, 2):
        program.do(
            partial(tiered_campaigns.award, campaign_id=CAMPAIGN, number=occurrence, member_ids=MEMBERS),
        )
    check_replay(program)
    paid: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for event in program.events:
        if isinstance(event, Awarded | Corrected):
            paid[event.occurrence, event.member] += event.points
    for occurrence in (1, 2):
        terms = program.catalogue.terms(CAMPAIGN, occurrence)
        assert terms
        for member in MEMBERS:
            counting = [b.known for b in purchases if b.counts and (b.member, b.occurrence) == (member, occurrence)]
            assert paid[occurrence, member] == terms.points(aggregate_of(name, counting))


AMOUNTS = st.sampled_from(
    ["0", "0.01", "10", "33.333", "100", "9" * 20, "0." + "0" * 29 + "1", "99999999999999999999.5"]
)
EARLY = datetime(2026, 9, 2, tzinfo=UTC)
FACT_IDS = 12
FACTS = st.integers(1, FACT_IDS).map("F-{}".format)
SOMEONE = st.sampled_from(["M-1", "M-2", "M-3"])
CAMPAIGNS = st.sampled_from([CAMPAIGN, UUID(int=CAMPAIGN.int + 1)])
OCCURRENCES = st.integers(1, 4)
SKUS = st.sampled_from(["A", "B", "C"])
ITEMS = st.lists(
    st.builds(
        Item,
        SKUS,
        st.sampled_from([Decimal(1), Decimal(3), Decimal("0.7")]),
        st.none() | AMOUNTS.map(Decimal),
        st.none() | AMOUNTS.map(Decimal),
    ),
    max_size=3,
).map(tuple)


MOMENTS = st.integers(0, 9).map(lambda days: timedelta(days=-days))
OTHER_MOMENTS = st.integers(-9, 12).map(lambda days: timedelta(days=days))
CODES = st.sampled_from(["vip", "gold", "nobody"])
BROKEN = st.sampled_from([{"expression": "1 / 0 +"}, {"any": [{"attribute": "transaction.totl"}]}, {"all": 3}])
FILTERS = st.sampled_from(
    [
        None,
        {"expression": "100 / transaction.total > 2"},
        {"all": [{"attribute": "transaction.attributes.channel", "operator": "eq", "value": "web"}]},
    ]
)
TABLES = st.sampled_from(
    [
        {"tiers": tiers(("0", "50", "10"), ("51", "100", "20"))},
        {"tiers": tiers(("5", "50", "0.333"), ("50", None, "1")), "unlimited": True, "bracketed": True},
        {"tiers": tiers(("1", "2", "5"), ("2", None, "7")), "unlimited": True, "hit_type": HitType.HIT_LIMIT},
        {"tiers": tiers(("0", "50", "10"), ("60", "70", "20"))},
        {"tiers": ()},
    ]
)
USUALLY: dict[str, Any] = {"duration": "3 days", "grace_period": "1 day", "late": Late.CORRECT}
UNUSUAL: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"occurrences": OCCURRENCES}),
    st.fixed_dictionaries({"starts_at": st.just(datetime(2026, 9, 20, tzinfo=UTC))}),
    st.fixed_dictionaries({"duration": st.sampled_from(["1 week", "1 month", "soon"])}),
    st.fixed_dictionaries({"grace_period": st.sampled_from(["0 days", "2 weeks"])}),
    st.fixed_dictionaries({"late": st.just(Late.IGNORE), "confirmation": st.sampled_from(Confirmation)}),
    st.fixed_dictionaries({"filter": FILTERS}),
    st.fixed_dictionaries({"filter": BROKEN}),
    st.fixed_dictionaries({"aggregate": st.sampled_from([Aggregate("attributes.nights"), Aggregate("nights")])}),
    st.fixed_dictionaries({"aggregate": st.just(Aggregate(combination=SETS)), "hit_type": st.sampled_from(HitType)}),
    st.fixed_dictionaries({"audience": st.builds(Audience, st.just(()), CODES.map(lambda code: (code,)))}),
    st.fixed_dictionaries({"audience": st.builds(Audience, CODES.map(lambda code: (code,)))}),
    st.fixed_dictionaries({"products": st.lists(SKUS, max_size=2).map(tuple)}),
    st.fixed_dictionaries({"date": st.sampled_from(["auto_accept_at", "checkout_at", "occurred_at"])}),
    st.just({"entity": FactKind.EVENT, "event_type": "workout", "aggregate": Aggregate("minutes")}),
    TABLES,
)
DEFINED = st.builds(
    lambda first, second: definition(**({"occurrences": 4} | USUALLY | first | second)), UNUSUAL, UNUSUAL
)


PURCHASES = st.tuples(
    OTHER_MOMENTS,
    OTHER_MOMENTS,
    st.builds(
        lambda number, total, items, attributes: Purchase(
            f"F-{number}", f"M-{number % 3 + 1}", EARLY, Decimal(total), items=items, attributes=attributes
        ),
        st.integers(1, FACT_IDS),
        AMOUNTS,
        ITEMS,
        st.sampled_from([{}, {"channel": "web"}, {"channel": "shop", "nights": "-3"}, {"nights": "1e3"}]),
    ),
    st.sampled_from([Status.PENDING, Status.ACCEPTED]),
)
GIVEN_BACK = st.lists(st.builds(ReturnedItem, SKUS, st.sampled_from([Decimal(1), Decimal("0.1")])), max_size=2).map(
    tuple
)
CHANGES: st.SearchStrategy[Callable[[Any], Any]] = st.one_of(
    st.builds(lambda fact: partial(ingest.accept, transaction_id=fact), FACTS),
    st.builds(lambda fact: partial(ingest.accept, transaction_id=fact, at=EARLY), FACTS),
    st.builds(lambda fact: partial(ingest.reject, transaction_id=fact, reason=None), FACTS),
    st.builds(
        lambda fact, amount, items: partial(
            ingest.refund, transaction_id=fact, amount=amount, items=items, refund_id=None
        ),
        FACTS,
        st.none() | AMOUNTS.map(Decimal),
        GIVEN_BACK,
    ),
)


class Anything(RuleBasedStateMachine):
    """Commands of all kinds in any order, over a few streams that are often hit."""

    def __init__(self) -> None:
        super().__init__()
        self.program = Recording(EARLY)
        for sku in ("A", "B"):
            self.program.do(partial(put_product, product=Product(sku, sku), precondition=ANY_OR_NONE))
        self.program.do(partial(put_entry, entry=MemberList("vip", "VIP"), precondition=ANY_OR_NONE))
        running(self.program, duration="3 days", grace_period="1 day", occurrences=4, late=Late.CORRECT)

    def offer(self, command: Callable[..., Any], **arguments: Any) -> None:
        self.program.offer(partial(command, **arguments))

    @rule(days=st.integers(1, 4))
    def time_passes(self, days: int) -> None:
        self.program.now += timedelta(days=days)

    @rule(facts=st.lists(PURCHASES, min_size=1, max_size=4))
    def transactions(self, facts: list[tuple[timedelta, timedelta, Purchase, Status]]) -> None:
        for away, accepted, drawn, status in facts:
            at = self.program.now + away
            purchase = replace(drawn, purchased_at=at, auto_accept_at=self.program.now + accepted)
            taken = partial(ingest.receive_transaction, purchase=purchase, status=status, rules=RULES)
            if not self.program.offer(taken):
                self.offer(ingest.update, purchase=purchase)

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=4))
    def what_becomes_of_them(self, changes: list[Callable[[Any], Any]]) -> None:
        for change in changes:
            self.program.offer(change)

    @rule(fact=FACTS, away=OTHER_MOMENTS, minutes=st.sampled_from(["35", "-0", "x", "1e2"]))
    def an_event(self, fact: str, away: timedelta, minutes: str) -> None:
        happening = Happening(fact, "workout", "M-1", self.program.now + away, attributes={"minutes": minutes})
        self.offer(ingest.receive_event, happening=happening, rules=RULES)

    @rule(campaign=CAMPAIGNS, given=DEFINED)
    def a_campaign(self, campaign: UUID, given: Definition) -> None:
        self.offer(tiered_campaigns.define, campaign_id=campaign, definition=given)
        self.offer(tiered_campaigns.activate, campaign_id=campaign)

    @rule(campaign=CAMPAIGNS, given=DEFINED)
    def an_edit(self, campaign: UUID, given: Definition) -> None:
        self.offer(tiered_campaigns.revise, campaign_id=campaign, definition=given, precondition=ANY)

    @rule(campaign=CAMPAIGNS)
    def a_recount(self, campaign: UUID) -> None:
        if campaign in self.program.catalogue.tiered_campaigns:
            recount(self.program, campaign)
            check_contributions(self.program, campaign)

    @rule(
        campaign=CAMPAIGNS,
        change=st.sampled_from(
            [
                tiered_campaigns.activate,
                tiered_campaigns.activate,
                tiered_campaigns.deactivate,
                tiered_campaigns.archive,
            ]
        ),
    )
    def a_change_of_life(self, campaign: UUID, change: Callable[..., Any]) -> None:
        self.offer(change, campaign_id=campaign)

    @rule(campaign=CAMPAIGNS, number=OCCURRENCES, members=st.lists(SOMEONE, max_size=3), ends=st.booleans())
    def an_evaluation(self, campaign: UUID, number: int, members: list[str], ends: bool) -> None:  # noqa: FBT001  drawn
        known = self.program.catalogue.tiered_campaigns.get(campaign)
        if known is None or number > len(known.windows):
            return
        self.offer(tiered_campaigns.start_evaluation, campaign_id=campaign, number=number)
        if self.program.catalogue.phase(campaign, number) is Phase.EVALUATING:
            self.offer(tiered_campaigns.award, campaign_id=campaign, number=number, member_ids=members)
            if ends:
                everyone = ["M-1", "M-2", "M-3"]
                self.offer(tiered_campaigns.award, campaign_id=campaign, number=number, member_ids=everyone)
                totals = {"members": 3, "points": Decimal(0)}
                self.offer(tiered_campaigns.finish_evaluation, campaign_id=campaign, number=number, **totals)

    @rule(campaign=CAMPAIGNS, number=st.integers(1, 3), ends=st.booleans())
    def a_preview(self, campaign: UUID, number: int, ends: bool) -> None:  # noqa: FBT001  drawn
        preview = UUID(int=number)
        self.offer(tiered_campaigns.request_preview, campaign_id=campaign, preview_id=preview)
        if ends:
            figures = (Figures(1, 1, Decimal(1), Decimal(1)),)
            self.offer(tiered_campaigns.finish_preview, preview_id=preview, figures=figures)
        self.offer(tiered_campaigns.fail_preview, preview_id=preview, reason="late")

    @rule(
        entry=st.sampled_from(
            [
                EventType("workout", "Workout", {"minutes": AttributeType.NUMBER}),
                EventType("workout", "Workout", {"minutes": AttributeType.STRING}, active=False),
                Segment("gold", "Gold", 'member.tier == "gold"'),
                Segment("gold", "Gold", "1 / member.attributes.age > 2"),
                Segment("gold", "Gold", "member.("),
                MemberList("vip", "Very"),
            ]
        )
    )
    def an_entry(self, entry: Any) -> None:
        self.offer(
            put_entry, entry=entry, precondition=ANY_OR_NONE if self.program.version(_entry(entry)) == 0 else ANY
        )

    @rule(member=SOMEONE, tier=st.sampled_from([None, "gold"]), referrer=st.none() | SOMEONE, joins=st.booleans())
    def a_member(self, member: str, tier: str | None, referrer: str | None, joins: bool) -> None:  # noqa: FBT001  drawn
        self.offer(put_member, member_id=member, tier=tier, attributes={"age": "0"}, referrer=referrer)
        self.offer(change_list, code="vip", member_id=member, joins=joins)

    @invariant()
    def pending_points_are_what_totals_earn(self) -> None:
        check_pending(self.program)

    def teardown(self) -> None:
        check_replay(self.program)
        for _, event in self.program.log:
            for amount in _amounts(event):
                assert amount.is_finite()
                assert EXACT.remainder(EXACT.scaleb(amount, 2 * FRACTION_DIGITS), ONE) == 0, event


def _entry(entry: Any) -> Stream[Any, Any]:
    kinds: dict[Any, str] = {EventType: "event_type", Segment: "segment", MemberList: "list"}
    return ENTRY.at(kinds[type(entry)], entry.code)


def _amounts(value: Any) -> Iterator[Decimal]:
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _amounts(getattr(value, field))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _amounts(part)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
