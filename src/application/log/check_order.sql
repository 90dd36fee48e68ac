-- One page of positions with their envelopes, as one row of arrays.
select max(e.position), array_agg(e.position), array_agg(e.envelope)
from (
    select position, envelope
    from laurel.events
    where bucket = %s and position > %s and position <= %s
    order by position
    limit %s
) e
