-- The states of the catalogue's streams that changed after a position, in the order of their last change.
select s.id, s.kind, s.state, s.catalogue
from laurel.streams s
where s.bucket = %s and s.catalogue > %s
order by s.catalogue, s.id
