-- The current states of streams, by key; a stream that does not exist has no row. One event that has no state beside it
-- comes itself.
select s.id, s.kind, s.version, s.state, e.tag, e.payload
from unnest($1) w (id)
cross join lateral (select t.id, t.kind, t.version, t.state from laurel.streams t where t.id = w.id offset 0) s
left join lateral (
    select v.tag, v.payload from laurel.events v where v.stream = s.id and v.version = 1 offset 0
) e on s.state = '' and s.version = 1
