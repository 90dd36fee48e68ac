-- Single events, by stream and version.
select e.position, e.stream, e.version, e.tag, e.payload, e.envelope
from unnest(%s::uuid[], %s::int[]) a (stream, version)
join laurel.events e on e.stream = a.stream and e.version = a.version
order by e.position
