-- What is due next.
create index on occurrences (evaluation_at) where phase is null;
