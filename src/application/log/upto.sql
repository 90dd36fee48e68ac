-- upto
-- The events of some streams, each up to a version, in order.
select a.stream, a.version, e.tag, e.payload
from unnest(%s::uuid[], %s::int[]) a (stream, version)
join laurel.events e on e.stream = a.stream and e.version <= a.version
order by a.stream, a.version, e.version
