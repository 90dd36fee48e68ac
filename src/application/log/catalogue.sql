-- The states of the catalogue's streams that changed after a position, in the order of their last change. One that a
-- release emptied comes with the events that make it anew.
select s.id, s.kind, s.state, s.catalogue, e.tags, e.payloads
from laurel.streams s
cross join lateral (
    select array_agg(v.tag order by v.version) as tags, array_agg(v.payload order by v.version) as payloads
    from laurel.events v
    where s.state = '' and v.stream = s.id and v.version <= s.version
) e
where s.bucket = %s and s.catalogue > %s
order by s.catalogue, s.id
