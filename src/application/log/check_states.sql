-- One page of states in the order of their identities, each with what its events were up to that version.
select s.id, s.kind, s.version, s.state, e.tags, e.payloads
from (
    select id, kind, version, state
    from laurel.streams
    where bucket = %(bucket)s and (%(after)s::uuid is null or id > %(after)s::uuid) and state <> ''
    order by id
    limit %(limit)s
) s
cross join lateral (
    select array_agg(tag order by version) as tags, array_agg(payload order by version) as payloads
    from laurel.events
    where stream = s.id and version <= s.version
) e
order by s.id
