-- A bucket's head beside what it must say; no row comes where it is not there.
select h.head, h.catalogue, h.began, h.recorded_at,
    (select coalesce(max(position), 0) from laurel.events where bucket = h.bucket) as last,
    (select coalesce(max(catalogue), 0) from laurel.streams where bucket = h.bucket and catalogue is not null) as changed
from laurel.heads h
where h.bucket = %s
