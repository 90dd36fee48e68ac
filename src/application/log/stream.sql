-- A stream's events after a version.
select position, uuid_send(stream), version, tag, payload, envelope
from laurel.events
where stream = %s and version > %s
order by version
limit %s
