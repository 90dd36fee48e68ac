-- A row marks this database as a sandbox for ever; `now` is where its clock was moved to, null for real time.
CREATE TABLE laurel.sandbox (
    marked boolean PRIMARY KEY DEFAULT true CHECK (marked),
    now timestamptz
);
