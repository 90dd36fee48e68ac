-- What a projection was read from, and who asked for a rebuild.

-- The digest of the envelope at its position, in which a command has an id of its own: a log that has another one there,
-- or none, such as one brought back from a backup, is not the log that the rows were made from.
alter table laurel.projections add column mark bytea;

alter table laurel.rebuilds add column requested_by text not null default '';
