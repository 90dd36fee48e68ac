-- The events with these tags on these streams, each with the position of the last event of the command it came with:
-- the events of one command stand together and share their envelope, which no other command has.
select e.stream, e.tag, e.payload, coalesce(
    (
        select l.position - 1
        from laurel.events l
        where l.bucket = e.bucket and l.position > e.position and l.envelope <> e.envelope
        order by l.position
        limit 1
    ),
    (select h.head from laurel.heads h where h.bucket = e.bucket)
)
from laurel.events e
where e.stream = any(%s) and split_part(e.tag, '@', 1) = any(%s)
order by e.position
