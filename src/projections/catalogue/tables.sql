-- Event types, accounts, segments, lists, badges, coupons and rewards, as they are now.
create table entries (
    kind text collate "C",
    code text collate "C",
    body jsonb not null,
    version int not null,
    updated_at timestamptz not null,
    position bigint not null,
    primary key (kind, code)
);

-- Products, as they are now.
create table products (
    sku text collate "C" primary key,
    name text not null,
    category text,
    brand text,
    price numeric,
    version int not null,
    updated_at timestamptz not null,
    position bigint not null
);
