-- What was granted or refused, to whom, how much and why. Added up by member and account, these are the accounts' entries.
create table decisions (
    id uuid primary key,
    kind text collate "C" not null,
    outcome text collate "C" not null,
    member text collate "C" not null,
    campaign uuid not null,
    occurrence int,
    revision int not null,
    account text collate "C",
    points numeric not null,
    awarded_points numeric not null,
    aggregate numeric,
    breakdown jsonb not null,
    reasons jsonb not null,
    fact_kind text collate "C",
    fact_id text collate "C",
    stream uuid not null,
    version int not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    position bigint not null
);
