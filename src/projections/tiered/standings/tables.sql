-- Where members stand in an occurrence. `version` is that of the standing's stream; `awarded` is null until it is
-- evaluated. No index may hold a column that contributions change: without one an update stays on its page (HOT).
create table standings (
    campaign uuid,
    occurrence int,
    member text collate "C",
    stream uuid not null,
    version int not null,
    total numeric not null,
    confirmed numeric not null,
    pending_points numeric not null,
    confirmed_points numeric not null,
    awarded numeric,
    late boolean not null,
    updated_position bigint not null,
    primary key (campaign, occurrence, member)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- The sums of an occurrence's standings: `members` have points, pending or awarded, `participants` have a standing;
-- `contributions` counts every change that a fact made.
create table statistics (
    campaign uuid,
    occurrence int,
    members bigint not null,
    participants bigint not null,
    contributions bigint not null,
    pending_points numeric not null,
    awarded_points numeric not null,
    primary key (campaign, occurrence)
) with (fillfactor = 50);

-- The runs that turn pending points into awarded ones; members and points are known once one has finished.
create table evaluations (
    campaign uuid,
    occurrence int,
    revision int not null,
    status text collate "C" not null,
    started_at timestamptz not null,
    started_position bigint not null,
    finished_at timestamptz,
    finished_position bigint,
    members bigint,
    points numeric,
    primary key (campaign, occurrence)
);

-- Frozen calculations, of each campaign the newest ones; `position` is the freeze.
create table previews (
    id uuid primary key,
    campaign uuid not null,
    status text collate "C" not null,
    position bigint not null,
    requested_at timestamptz not null,
    scheduled_for timestamptz,
    finished_at timestamptz,
    reason text
);

-- A preview's figures, one row an occurrence it names; `members` have pending points, `participants` are all it froze.
create table preview_occurrences (
    preview uuid,
    occurrence int,
    members bigint not null,
    participants bigint not null,
    pending_points numeric not null,
    award_points numeric not null,
    primary key (preview, occurrence)
);

-- A preview's members: the standings not yet evaluated, as they were at the freeze.
create table preview_members (
    preview uuid,
    occurrence int,
    member text collate "C",
    total numeric not null,
    confirmed numeric not null,
    pending_points numeric not null,
    award_points numeric not null,
    primary key (preview, occurrence, member)
);
