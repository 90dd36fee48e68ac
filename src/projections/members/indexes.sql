-- Newest members first.
create index on members (registered_position);

-- The members someone brought.
create index on members (referrer) where referrer is not null;
