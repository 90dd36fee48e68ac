-- Sessions of people who signed in: `id` is a digest of the token that the browser keeps, `key_id` whose API key it was.
create table laurel.sessions (
    id bytea primary key,
    key_id text collate "C" not null,
    created_at timestamptz not null,
    used_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index sessions_of_key on laurel.sessions (key_id, created_at);
create index sessions_expired on laurel.sessions (expires_at);
