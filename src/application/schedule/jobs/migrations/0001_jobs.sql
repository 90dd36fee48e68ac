-- Jobs as people see them; the queue holds the same job's id while there is something left to do. `key` is what a job is
-- about: of one key one job at a time is queued or running. `failures` counts the runs that ended in an error.
create table laurel.jobs (
    id uuid primary key,
    kind text collate "C" not null,
    key text collate "C",
    status text collate "C" not null default 'queued',
    done bigint not null default 0,
    total bigint,
    detail jsonb not null,
    result jsonb,
    error text,
    requested_by text not null,
    failures int not null default 0,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
) with (fillfactor = 70);

create unique index jobs_open on laurel.jobs (key) where status in ('queued', 'running');
create index jobs_failed on laurel.jobs (key, finished_at) where status = 'failed';
create index jobs_newest on laurel.jobs (created_at desc, id desc);

-- The file of an import while it is needed, in pieces in order.
create table laurel.import_chunks (
    upload uuid not null,
    number int not null,
    content bytea not null,
    stored_at timestamptz not null default now(),
    primary key (upload, number)
);

-- The rows of an import that were refused: what was wrong, and the row as it was sent.
create table laurel.import_errors (
    job uuid not null references laurel.jobs (id) on delete cascade,
    row bigint not null,
    problems jsonb not null,
    content text not null,
    primary key (job, row)
);
