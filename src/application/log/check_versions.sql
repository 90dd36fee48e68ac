-- Streams whose row and events do not agree on how many events there are, at most some.
select coalesce(s.id, e.stream), s.kind, coalesce(s.version, 0), coalesce(e.events, 0), coalesce(e.last, 0)
from (select id, kind, version from laurel.streams where bucket = %(bucket)s) s
full join (
    select stream, count(*) as events, max(version) as last from laurel.events where bucket = %(bucket)s group by stream
) e on e.stream = s.id
where s.version is distinct from e.events or s.version is distinct from e.last
limit %(limit)s
