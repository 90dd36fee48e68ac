-- Campaigns by their newest revision; `definition` has the shape it is posted in. `life` is what was recorded: time alone
-- ends a campaign. `labels` has each label by its name and as `name:value`; `segments` are those of `visibility` and
-- `audience` together.
create table campaigns (
    id uuid primary key,
    version int not null,
    revision int not null,
    life text collate "C" not null,
    activated_at timestamptz,
    name text not null,
    type text collate "C" not null,
    trigger text collate "C" not null,
    achievement uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    display_order int not null,
    labels text[] collate "C" not null,
    segments text[] collate "C" not null,
    definition jsonb not null,
    time_zone text not null,
    created_at timestamptz not null,
    created_position bigint not null,
    updated_at timestamptz not null,
    updated_position bigint not null
);

-- What a campaign has decided: grants (`executions`) less those cancelled, and the units they gave.
create table figures (
    campaign uuid primary key,
    executions bigint not null,
    cancellations bigint not null,
    refusals bigint not null,
    units numeric not null
) with (fillfactor = 50);

-- What each receiver, a member or a referrer, has of those grants.
create table receivers (
    campaign uuid,
    member text collate "C",
    executions bigint not null,
    units numeric not null,
    primary key (campaign, member)
) with (fillfactor = 80);
