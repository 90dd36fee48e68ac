-- A bucket's events in order, for the library's recorder; without topics all of them.
select position, stream, version, tag, payload
from laurel.events
where bucket = %(bucket)s
    and position > %(after)s
    and (%(until)s::bigint is null or position <= %(until)s::bigint)
    and (%(topics)s::text[] is null or tag = any (%(topics)s::text[]))
order by position
limit %(limit)s
