-- The last position that has an event, whatever the head says.
select coalesce(max(position), 0) from laurel.events where bucket = %s
