-- API keys: only the hash of a key's secret is stored; a revoked key stays, so that its name explains old logs.
CREATE TABLE laurel.api_keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL,
    hash text NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
