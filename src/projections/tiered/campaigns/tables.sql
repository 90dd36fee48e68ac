-- Tiered campaigns by their newest revision; `definition` has the shape it is posted in. `complete` ones have left the draft.
create table tiered_campaigns (
    id uuid primary key,
    version int not null,
    revision int not null,
    name text not null,
    definition jsonb not null,
    time_zone text not null,
    decimals int not null,
    active boolean not null,
    archived boolean not null,
    complete boolean not null,
    icon_type text,
    created_at timestamptz not null,
    created_position bigint not null,
    updated_at timestamptz not null,
    updated_position bigint not null
);

-- The occurrences of complete campaigns: the revision whose terms each has, and how far its evaluation is (null: not begun).
create table occurrences (
    campaign uuid,
    number int,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    evaluation_at timestamptz not null,
    revision int not null,
    phase text collate "C",
    primary key (campaign, number)
);

-- Every revision there was: decisions name theirs.
create table revisions (
    campaign uuid,
    number int,
    first int not null,
    definition jsonb not null,
    time_zone text not null,
    decimals int not null,
    recorded_at timestamptz not null,
    position bigint not null,
    primary key (campaign, number)
);
