-- Newest first of a kind.
create index on facts (kind, position);

-- Newest first of a member.
create index on facts (member, position);

-- What is to be accepted by itself next.
create index on facts (auto_accept_at) where auto_accept_at is not null;
