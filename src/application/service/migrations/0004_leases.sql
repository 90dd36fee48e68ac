-- Who leads what one process at a time does. A lease ends by itself at `until` when its holder does not renew it;
-- `worked_at` is when a holder last went on with the work, and `failure` says why the last one could not.
create table laurel.leases (
    name text collate "C" primary key,
    holder uuid not null,
    until timestamptz not null,
    worked_at timestamptz not null,
    failure text
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
