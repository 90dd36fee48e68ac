-- The current states of streams, by key; a stream that does not exist has no row.
select s.id, s.kind, s.version, s.state
from unnest($1) w (id)
cross join lateral (select t.id, t.kind, t.version, t.state from laurel.streams t where t.id = w.id offset 0) s
