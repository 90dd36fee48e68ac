-- What surrounds the event at a position.
select envelope from laurel.events where bucket = %s and position = %s
