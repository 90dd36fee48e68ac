-- How far each projection has come, and the rebuilds there were. The tables themselves are made by the projections.

-- A row is locked while its tables are written, so that position and effect are one; `error` says why one stopped.
create table laurel.projections (
    name text collate "C" primary key,
    version int not null,
    position bigint not null,
    error text,
    updated_at timestamptz not null default now()
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

create table laurel.rebuilds (
    id uuid primary key,
    projections text[] not null,
    as_of bigint,
    switch boolean not null,
    status text not null,
    progress jsonb not null,
    certificate jsonb,
    error text,
    requested_at timestamptz not null default now(),
    finished_at timestamptz
);

create index rebuilds_requested on laurel.rebuilds (requested_at desc, id);
