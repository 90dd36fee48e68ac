-- catalogue_at
-- What the catalogue's streams of some kinds were at a position: the states of those that have not changed since, and
-- the events up to there, in order, of those that have or whose state is to be made anew.
select s.id, s.kind, s.catalogue, s.version, s.state, null::text, null::bytea
from laurel.streams s
where s.bucket = %(bucket)s and s.kind = any(%(kinds)s) and s.catalogue <= %(position)s and s.state <> ''
union all
select s.id, s.kind, e.position, e.version, null, e.tag, e.payload
from laurel.streams s
join laurel.events e on e.stream = s.id and e.position <= %(position)s
where s.bucket = %(bucket)s and s.kind = any(%(kinds)s) and (s.catalogue > %(position)s or s.state = '')
order by 1, 4
