-- Achievements by their newest definition, which has the shape it is posted in; what its rules are triggered by.
create table achievements (
    id uuid primary key,
    version int not null,
    revision int not null,
    name text not null,
    status text collate "C" not null,
    badge text collate "C",
    triggers text[] not null,
    event_types text[] not null,
    definition jsonb not null,
    created_at timestamptz not null,
    created_position bigint not null,
    updated_at timestamptz not null,
    updated_position bigint not null
);

-- The sums of an achievement over all of its revisions: completions, and the members who have any.
create table completions (
    achievement uuid primary key,
    completions bigint not null,
    members bigint not null
) with (fillfactor = 50);

-- How far members are, by revision: a higher one starts progress again, and carries the completed count over.
-- `in_progress` says that something was counted since the last completion. No index may hold a column that every fact
-- changes: without one an update stays on its page (HOT).
create table member_achievements (
    member text collate "C",
    achievement uuid,
    revision int,
    completed int not null,
    in_progress boolean not null,
    last_completed_at timestamptz,
    last_advanced_at timestamptz,
    updated_position bigint not null,
    primary key (member, achievement, revision)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- What each fact did for a member's progress, or why it did nothing: in the order it was recorded in, and by `number` where
-- several things were recorded at once. `value` is what the rule counts with it, of `goal`; null where it was taken back.
create table progress_facts (
    member text collate "C",
    achievement uuid,
    position bigint,
    number int,
    revision int,
    rule int,
    outcome text collate "C" not null,
    fact_kind text collate "C" not null,
    fact_id text collate "C" not null,
    amount numeric,
    value numeric,
    goal numeric,
    reason text collate "C",
    detail text,
    recorded_at timestamptz not null,
    primary key (member, achievement, position, number)
);

-- Progress that was changed by hand: the completed count before and after, and the rules that were set to a value.
create table manual_changes (
    member text collate "C",
    achievement uuid,
    position bigint,
    revision int not null,
    reason text not null,
    before int not null,
    completed int not null,
    rules jsonb not null,
    changed_by text not null,
    recorded_at timestamptz not null,
    primary key (member, achievement, position)
);
