-- Events of some tags between two positions, in order: what a policy answers to, among much that it does not.
select position, stream, version, tag, payload, envelope
from laurel.events
where bucket = %s and position > %s and position <= %s and tag = any(%s)
order by position
limit %s
