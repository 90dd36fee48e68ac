-- A bucket's positions: from 1 to the head without a hole, when these three are the same.
select h.head, (select max(position) from laurel.events where bucket = h.bucket) as last,
    (select count(*) from laurel.events where bucket = h.bucket) as events
from laurel.heads h
where h.bucket = %s
