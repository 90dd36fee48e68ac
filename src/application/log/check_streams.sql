-- One page of streams in the order of their identities. A state that is too large to be read with others is left out.
select id, kind, version, catalogue, octet_length(state),
    case when octet_length(state) <= %(large)s then state end
from laurel.streams
where bucket = %(bucket)s and (%(after)s::uuid is null or id > %(after)s::uuid)
order by id
limit %(limit)s
