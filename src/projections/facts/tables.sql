-- What members did: `at` is when it was purchased or occurred, `position` where its reception is in the log. `total` is as
-- received or updated, before refunds. `auto_accept_at` is there while a transaction waits to be accepted by itself.
create table facts (
    stream uuid primary key,
    kind text collate "C" not null,
    id text collate "C" not null,
    member text collate "C" not null,
    type text collate "C",
    status text collate "C",
    at timestamptz not null,
    recorded_at timestamptz not null,
    position bigint not null,
    total numeric,
    auto_accept_at timestamptz
) with (fillfactor = 90);
