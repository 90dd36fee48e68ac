-- Which of a batch's commands are recorded: by the stream and version of the last event of each.
select w.number, e.position, e.envelope
from unnest(%s::uuid[], %s::int[]) with ordinality w (stream, version, number)
join laurel.events e on e.stream = w.stream and e.version = w.version
