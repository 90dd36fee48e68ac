-- Where some streams last have an event of a tag.
select a.stream, (
    select e.position from laurel.events e where e.stream = a.stream and e.tag = %s order by e.version desc limit 1
)
from unnest(%s::uuid[]) a (stream)
