-- One page of the log, as one row of arrays: far fewer values to take apart than a row an event.
select max(e.position), count(*), array_agg(uuid_send(e.stream)), array_agg(e.version), array_agg(e.tag),
    array_agg(e.payload), array_agg(e.envelope)
from (
    select position, stream, version, tag, payload, envelope
    from laurel.events
    where bucket = %s and position > %s
    order by position
    limit %s
) e
