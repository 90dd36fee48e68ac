-- The log: a head a bucket, the streams' current states, and the events in order.

create schema if not exists laurel;

-- The last position handed out in a bucket, and that of the last event on a catalogue's stream. Its row is locked
-- while positions are handed out, which makes them dense; the empty page leaves room for its many versions.
create table laurel.heads (
    bucket int primary key,
    head bigint not null,
    catalogue bigint not null
) with (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

insert into laurel.heads (bucket, head, catalogue) values (0, 0, 0);

-- A stream's state as of its version: snapshot, read by key and version guard in one. The room left in a page lets an
-- update stay on it (HOT), without touching an index.
create table laurel.streams (
    id uuid primary key,
    bucket int not null,
    kind text not null,
    version int not null,
    state bytea not null,
    catalogue bigint
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

create index streams_catalogue on laurel.streams (bucket, catalogue) where catalogue is not null;

-- Everything that happened. Rows are added and never changed. Keys lead with the stream and not the bucket: a plan
-- made while the table was young would otherwise read a whole bucket.
create table laurel.events (
    stream uuid not null,
    version int not null,
    bucket int not null,
    position bigint not null,
    tag text not null,
    payload bytea not null,
    envelope bytea not null,
    constraint events_stream primary key (stream, version),
    constraint events_position unique (bucket, position)
);
