-- upto
-- The events of some streams, each up to a version, in order of stream and version: a page of them, from a place on.
select a.stream, e.version, e.tag, e.payload
from unnest(%(streams)s::uuid[], %(versions)s::int[]) a (stream, version)
join laurel.events e on e.stream = a.stream and e.version <= a.version
where (a.stream, e.version) > (%(stream)s::uuid, %(version)s::int)
order by a.stream, e.version
limit %(limit)s
