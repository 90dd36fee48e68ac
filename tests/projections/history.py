"""A small program's history for projections to follow: every event there is, decided by the domain where it decides."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import psycopg

from application import streams
from application.log.envelope import Envelope
from application.log.mapper import Mapper
from application.log.streams import NAMESPACE, Stream
from application.streams import KINDS
from domain.catalogue import entries as catalogue
from domain.catalogue import product
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.facts.outcomes import Contribution
from domain.facts.purchase import Purchase
from domain.members import member
from domain.tiered import campaign as tiered_campaign
from domain.tiered import icon, occurrence, preview, standing
from domain.tiered.campaign import Revision
from domain.tiered.definition import Aggregate, Definition
from domain.tiered.points import HitType, Tier, TierTable
from domain.tiered.schedule import Window
from domain.tiered.standing import Standing, StandingPlace
from domain.tiered.terms import CombinationScope, Confirmation, Late, TieredTerms
from domain.values.amounts import Rounding
from domain.values.attributes import AttributeType
from tests.projections.achieving import Achieving
from tests.projections.rewarding import Rewarding
from tests.support.gifts import gifts

START = datetime(2026, 9, 1, tzinfo=UTC)
MAPPER = Mapper(KINDS)
TIERS = (
    Tier(start=Decimal(0), to=Decimal(50), reward=Decimal("0.1")),
    Tier(start=Decimal(50), to=Decimal(1000), reward=Decimal("1.5")),
)
TABLE = TierTable(HitType.AMOUNT, False, False, TIERS, 2, Rounding.HALF_UP)


class Recording(NamedTuple):
    """An event about to be appended to the log."""

    stream: Stream[Any, Any]
    event: Any


class Log:
    """Appends as the writer does: positions are handed out under the head's lock."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._versions: dict[UUID, int] = {}

    def append(self, recordings: list[Recording], *, notify: bool = True) -> int:
        """The position of the last one."""
        with psycopg.connect(self._conninfo) as connection:
            row = connection.execute("select head from laurel.heads where bucket = 0 for update").fetchone()
            assert row is not None
            head = row[0]
            with connection.cursor().copy(
                "copy laurel.events (stream, version, bucket, position, tag, payload, envelope) from stdin"
            ) as copy:
                for position, recording in enumerate(recordings, head + 1):
                    stream = recording.stream.id
                    version = self._versions[stream] = self._versions.get(stream, 0) + 1
                    tag, payload = MAPPER.encode(recording.event)
                    envelope = MAPPER.encode_envelope(envelope_at(position))
                    copy.write_row((stream, version, 0, position, tag, payload, envelope))
            head += len(recordings)
            connection.execute("update laurel.heads set head = %s where bucket = 0", [head])
            if notify:
                connection.execute("notify laurel_log")
        return int(head)


def envelope_at(position: int) -> Envelope:
    return Envelope(START + timedelta(seconds=position), uuid5(NAMESPACE, f"command {position}"), "test")


def windows(number: int) -> tuple[Window, ...]:
    days = [START + timedelta(days=10 * index) for index in range(number + 1)]
    return tuple(Window(days[n], days[n + 1], days[n + 1] + timedelta(days=2)) for n in range(number))


def definition(name: str = "Autumn", occurrences: int | None = 3) -> Definition:
    return Definition(
        name=name,
        translations={"de": "Herbst"},
        starts_at=START,
        duration="10 days",
        occurrences=occurrences,
        grace_period="2 days",
        entity=FactKind.TRANSACTION,
        aggregate=Aggregate(attribute="total"),
        hit_type=HitType.AMOUNT,
        tiers=TIERS,
        filter={"expression": "transaction.total > 1"},
    )


class Program:
    """Decides a random history; the same seed makes the same one."""

    def __init__(self, seed: int, members: int = 12) -> None:
        self._random = Random(seed)  # noqa: S311  a history to test with
        self._members = [f"M-{seed}-{number}" for number in range(members)]
        self._campaigns = [uuid5(NAMESPACE, f"campaign {seed} {number}") for number in range(2)]
        self._standings: dict[tuple[UUID, int, str], Standing] = {}
        self._open: dict[str, tuple[str, tuple[Contribution, ...]]] = {}
        self._fenced: set[tuple[UUID, int]] = set()
        self._count = 0
        self._seed = seed

    def begin(self) -> list[Recording]:
        """Members, catalogue and campaigns."""
        made = [*self._catalogue()]
        for name in self._members:
            stream = streams.MEMBER.at(name)
            made.append(Recording(stream, member.Registered(name)))
            made.append(Recording(stream, member.Changed(name, "gold", {"city": "Paris", "vip": True, "age": "31"})))
            made.append(Recording(stream, member.ListJoined(name, "friends")))
        stream = streams.MEMBER.at(self._members[0])
        made.append(Recording(stream, member.ListLeft(self._members[0], "friends")))
        made.append(Recording(stream, member.Changed(self._members[0], None, {})))
        made.append(Recording(stream, member.ReferrerSet(self._members[0], self._members[1])))
        for campaign in self._campaigns:
            made += self._campaign(campaign)
        return made

    def _catalogue(self) -> Iterator[Recording]:
        entries: list[catalogue.Entry] = [
            catalogue.Account("points", "Points", decimals=2),
            catalogue.Account("points", "Points and more", decimals=2),
            catalogue.EventType("workout", "Workout", {"minutes": AttributeType.NUMBER}),
            catalogue.Segment("vip", "VIP", 'member.tier == "gold"'),
            catalogue.MemberList("friends", "Friends"),
        ]
        for entry in entries:
            kind = str(entry.__struct_config__.tag)
            yield Recording(streams.ENTRY.at(kind, entry.code), catalogue.EntryPut(entry))
        for price in ("9.90", "1E+2"):
            put = product.Put(product.Product("SKU-1", "Tea", "drinks", None, Decimal(price)))
            yield Recording(streams.PRODUCT.at("SKU-1"), put)

    def _campaign(self, campaign: UUID) -> Iterator[Recording]:
        stream = streams.TIERED_CAMPAIGN.at(campaign)
        draft = Revision(1, 1, definition("Draft", None), "Europe/Budapest", 2)
        yield Recording(stream, tiered_campaign.Revised(campaign, draft, ()))
        yield Recording(streams.ICON.at(campaign), icon.IconPut(campaign, "image/png", b"\x89PNG"))
        revision = Revision(2, 1, definition(), "Europe/Budapest", 2)
        yield Recording(stream, tiered_campaign.Revised(campaign, revision, windows(5)))
        yield Recording(stream, tiered_campaign.Activated(campaign))
        shorter = Revision(3, 2, definition("Autumn and winter"), "Europe/Budapest", 2)
        yield Recording(stream, tiered_campaign.Revised(campaign, shorter, windows(3)))
        yield Recording(stream, tiered_campaign.Deactivated(campaign))
        if campaign == self._campaigns[-1]:
            yield Recording(stream, tiered_campaign.Archived(campaign))
        else:
            yield Recording(stream, tiered_campaign.Activated(campaign))

    def facts(self, count: int) -> list[Recording]:
        made: list[Recording] = []
        for _ in range(count):
            made += self._random.choice([self._receive, self._receive, self._happen, self._move, self._move])()
        return made

    def evaluate(self, number: int) -> list[Recording]:
        """Of the first campaign: the fence, a late fact, the awards, the end."""
        campaign = self._campaigns[0]
        stream = streams.TIERED_OCCURRENCE.at(campaign, number)
        made = [Recording(stream, occurrence.EvaluationStarted(campaign, number, 2))]
        self._fenced.add((campaign, number))
        made += self.facts(10)
        points = Decimal(0)
        due = [key for key, held in self._standings.items() if key[:2] == (campaign, number) and held.awarded is None]
        for key in due:
            award = standing.award(self._standings[key], self._place(*key))
            made.append(self._stand(key, award))
            points += award.points
        return [*made, Recording(stream, occurrence.Evaluated(campaign, number, len(due), points))]

    def preview(self, *numbers: int, failed: bool = False) -> list[Recording]:
        """Asked for, some facts later at its end."""
        campaign = self._campaigns[0]
        self._count += 1
        identity = uuid5(NAMESPACE, f"preview {self._seed} {self._count}")
        stream = streams.PREVIEW.at(identity)
        end: preview.Event = preview.Finished(identity, campaign, ())
        if failed:
            end = preview.Failed(identity, campaign, "the disk was full")
        requested = preview.Requested(identity, campaign, numbers, START)
        return [Recording(stream, requested), *self.facts(5), Recording(stream, end)]

    def whole(self) -> list[Recording]:
        """A history with every event there is."""
        return [
            *self.begin(),
            *self.facts(150),
            *self.preview(1, 2),
            *self.evaluate(1),
            *self.facts(60),
            *self.preview(1, 2, failed=True),
            *self.facts(40),
            *(Recording(*step) for step in Achieving(self._seed, self._members).whole()),
            *(Recording(*step) for step in Rewarding(self._seed, self._members).whole()),
            *(Recording(*given) for given in gifts(self._members, uuid5(NAMESPACE, f"gifts {self._seed}"))),
        ]

    def _receive(self) -> Iterator[Recording]:
        self._count += 1
        identity = f"T-{self._seed}-{self._count}"
        who = self._random.choice(self._members)
        purchase = Purchase(identity, who, START, self._amount())
        status = self._random.choice([transaction.Status.PENDING, transaction.Status.ACCEPTED])
        after = self._contributions(purchase.total, confirmed=status is transaction.Status.ACCEPTED)
        yield Recording(streams.TRANSACTION.at(identity), transaction.Received(purchase, status, after))
        self._open[identity] = (who, after)
        yield from self._contribute(identity, who, (), after)

    def _happen(self) -> Iterator[Recording]:
        self._count += 1
        identity = f"E-{self._seed}-{self._count}"
        happening = member_event.Happening(identity, "workout", self._random.choice(self._members), START)
        yield Recording(streams.MEMBER_EVENT.at(identity), member_event.Received(happening))

    def _move(self) -> Iterator[Recording]:
        """Updates, accepts, rejects or refunds a transaction."""
        if not self._open:
            return
        identity = self._random.choice(list(self._open))
        who, before = self._open[identity]
        stream = streams.TRANSACTION.at(identity)
        confirmed = self._contributions(before[0].amount, confirmed=True)
        match self._random.randrange(4):
            case 0:
                purchase = Purchase(identity, who, START + timedelta(days=1), self._amount())
                after = self._contributions(purchase.total, confirmed=False)
                yield Recording(stream, transaction.Updated(purchase, after))
            case 1:
                after = confirmed
                yield Recording(stream, transaction.Accepted(identity, who, START, False, after))
            case 2:
                after = ()
                yield Recording(stream, transaction.Rejected(identity, who, "no stock"))
            case _:
                after = ()
                status = transaction.Status.REFUNDED
                yield Recording(stream, transaction.Refunded(identity, who, before[0].amount, status))
        yield from self._contribute(identity, who, before, after)
        if after:
            self._open[identity] = (who, after)
        else:
            del self._open[identity]

    def _amount(self) -> Decimal:
        return Decimal(self._random.randrange(1, 9000)).scaleb(-2)

    def _contributions(self, amount: Decimal, *, confirmed: bool) -> tuple[Contribution, ...]:
        return tuple(Contribution(self._campaigns[0], number, amount, confirmed) for number in (1, 2))

    def _contribute(
        self, identity: str, who: str, before: tuple[Contribution, ...], after: tuple[Contribution, ...]
    ) -> Iterator[Recording]:
        for index in range(2):
            old = before[index] if before else None
            new = after[index] if after else None
            key = (self._campaigns[0], index + 1, who)
            fact = Fact(FactKind.TRANSACTION, identity)
            decided = standing.contribute(self._standings.get(key), self._place(*key), fact, old, new)
            assert isinstance(decided, list)
            for event in decided:
                yield self._stand(key, event)

    def _stand(self, key: tuple[UUID, int, str], event: standing.Event) -> Recording:
        self._standings[key] = standing.evolve(self._standings.get(key), event)
        return Recording(streams.STANDING.at(*key), event)

    def _place(self, campaign: UUID, number: int, who: str) -> StandingPlace:
        terms = TieredTerms(
            campaign=campaign,
            revision=2,
            first=1,
            last=3,
            windows=windows(3),
            entity=FactKind.TRANSACTION,
            event_type=None,
            attribute="total",
            combination=(),
            scope=CombinationScope.OCCURRENCE,
            date="purchased_at",
            products=frozenset(),
            filter=None,
            segments={},
            lists=(),
            account="points",
            table=TABLE,
            confirmation=Confirmation.EVALUATION,
            late=Late.CORRECT,
        )
        return StandingPlace(number, who, terms, (campaign, number) in self._fenced)
