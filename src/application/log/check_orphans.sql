-- Streams that have events and no row, at most some: how many events, up to which version, and where the first is.
select e.stream, count(*), max(e.version), min(e.position)
from laurel.events e
where e.bucket = %(bucket)s
    and not exists (select from laurel.streams s where s.id = e.stream and s.bucket = e.bucket)
group by e.stream
order by e.stream
limit %(limit)s
