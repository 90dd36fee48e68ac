-- One page of the events of some streams, stream by stream: those that make the states of their rows, and whatever else
-- was recorded up to a position.
select a.number, e.version, e.position, e.tag, e.payload
from unnest(%(streams)s::uuid[], %(versions)s::int[], %(after)s::int[]) with ordinality a (id, version, after, number)
cross join lateral (
    select v.version, v.position, v.tag, v.payload
    from laurel.events v
    where v.stream = a.id and v.version > a.after and (v.version <= a.version or v.position <= %(upto)s)
    order by v.version
    limit %(limit)s
) e
order by a.number, e.version
limit %(limit)s
