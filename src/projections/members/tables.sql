-- Who earns, as they are now.
create table members (
    id text collate "C" primary key,
    tier text collate "C",
    attributes jsonb not null,
    referrer text collate "C",
    registered_at timestamptz not null,
    registered_position bigint not null,
    updated_at timestamptz not null,
    updated_position bigint not null
);

-- Who is on which list.
create table list_members (
    list text collate "C",
    member text collate "C",
    joined_at timestamptz not null,
    primary key (list, member)
);
