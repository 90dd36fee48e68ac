-- Ends a session of ours that may still be at work on the server, and says whether one is left.
select count(*) filter (where not pg_terminate_backend(a.pid, 5000))
from pg_stat_activity a
where a.pid = %s and a.backend_start = %s::timestamptz
