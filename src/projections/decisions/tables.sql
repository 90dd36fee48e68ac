-- What was granted or refused, to whom, how much and why. `points` is the sum of all units, whoever got them and on
-- whatever account. An award or correction of a tiered campaign has its `awarded_points`, `aggregate` and `breakdown`; a
-- campaign's decision its `trigger`, `rules`, `counters` (before and after) and `memberships`, as the event has them. A
-- cancellation names the decision it `cancels`, whose `cancelled_by` it is.
create table decisions (
    id uuid primary key,
    kind text collate "C" not null,
    outcome text collate "C" not null,
    member text collate "C" not null,
    campaign uuid not null,
    occurrence int,
    revision int not null,
    accounts text[] collate "C" not null,
    points numeric not null,
    awarded_points numeric,
    aggregate numeric,
    breakdown jsonb,
    trigger jsonb,
    rules jsonb,
    counters jsonb,
    memberships text[],
    reasons jsonb not null,
    reason_codes text[] collate "C" not null,
    fact_kind text collate "C",
    fact_id text collate "C",
    cancels uuid,
    cancelled_by uuid,
    cancellation_reason text,
    actor text,
    stream uuid not null,
    version int not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    position bigint not null
);

-- Whom each decision, by its position, is about: its member and whoever else effects go to. They have `received` something
-- by it, or given it back.
create table parties (
    member text collate "C",
    position bigint,
    received boolean not null,
    primary key (member, position)
);

-- What decisions put on accounts, and take from them: a member's account is the sum of its entries.
create table entries (
    decision uuid,
    number int,
    member text collate "C" not null,
    account text collate "C" not null,
    units numeric not null,
    kind text collate "C" not null,
    campaign uuid not null,
    occurrence int,
    position bigint not null,
    recorded_at timestamptz not null,
    primary key (decision, number)
);
