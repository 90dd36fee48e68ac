-- In the order they were made.
create unique index on decisions (position);

-- One member's.
create index on decisions (member, position);

-- One campaign's.
create index on decisions (campaign, position);
