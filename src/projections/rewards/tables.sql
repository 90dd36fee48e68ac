-- Every code of every coupon; of a generated one there is no number in a pool. `status` is what was recorded: time alone
-- makes an issued one expire.
create table coupon_codes (
    coupon text collate "C",
    code text collate "C",
    number int,
    status text collate "C" not null,
    member text collate "C",
    issued_at timestamptz,
    valid_until timestamptz,
    primary key (coupon, code)
);

-- The coupons that members were given.
create table member_coupons (
    coupon text collate "C",
    code text collate "C",
    member text collate "C" not null,
    status text collate "C" not null,
    value numeric,
    valid_until timestamptz,
    campaign uuid not null,
    decision uuid not null,
    issued_at timestamptz not null,
    position bigint not null,
    primary key (coupon, code)
);

-- A badge that one event gave a member, so and so often at once; no more there once the grant is cancelled. That of an
-- achievement is for the completions that follow those there were `before`, as long as they count.
create table member_badges (
    stream uuid,
    version int,
    member text collate "C",
    badge text collate "C",
    times int not null,
    given_at timestamptz not null,
    achievement uuid,
    before int,
    primary key (stream, version, member, badge)
);

-- A reward that one decision gave a member, so and so often at once; no more there once the grant is cancelled.
create table member_rewards (
    stream uuid,
    version int,
    member text collate "C",
    reward text collate "C",
    times int not null,
    given_at timestamptz not null,
    primary key (stream, version, member, reward)
);

-- Of coupons and rewards: how many are given now, were ever taken, and how many codes came into the pool.
create table stocks (
    kind text collate "C",
    code text collate "C",
    given bigint not null,
    taken bigint not null,
    supplied bigint not null,
    primary key (kind, code)
);
