-- A coupon's codes of one status, and those that a member has.
create index on coupon_codes (coupon, status, code);
create index on coupon_codes (member, coupon, code) where member is not null;

-- A member's, the last first.
create index on member_coupons (member, position);

-- A member's, each kind together.
create index on member_badges (member, badge) include (times, given_at);
create index on member_rewards (member, reward) include (times, given_at);
