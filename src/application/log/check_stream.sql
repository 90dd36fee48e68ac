-- One stream with its state, however large.
select id, kind, version, catalogue, octet_length(state), state
from laurel.streams
where id = %s
