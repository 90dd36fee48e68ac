-- In the order they were made, all of them and those of one kind or outcome.
create unique index on decisions (position);
create index on decisions (kind, position);
create index on decisions (outcome, position);

-- One member's.
create index on decisions (member, position);

-- One campaign's.
create index on decisions (campaign, position);

-- The few for a reason, or of an account, that have it: where there are many, the order finds them.
create index on decisions using gin (reason_codes);
create index on decisions using gin (accounts);

-- Those of a short time.
create index on decisions using brin (recorded_at);

-- What was paid for a standing: its award and its corrections.
create index on decisions (stream) where occurrence is not null;

-- What a fact led to.
create index on decisions (fact_id, fact_kind) where fact_id is not null;

-- A member's account, newest first.
create index on entries (member, account, position);
