-- A stream's events between two versions, for the library's recorder, last first.
select version, tag, payload
from laurel.events
where stream = %(stream)s
    and (%(after)s::bigint is null or version > %(after)s::bigint)
    and (%(until)s::bigint is null or version <= %(until)s::bigint)
order by version desc
limit %(limit)s
