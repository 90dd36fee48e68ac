-- Some thousands of rows in every table that is listed: what a plan of theirs has to cope with.
insert into p_members.members
select 'M-' || lpad(n::text, 5, '0'), 'gold', '{}', case when n > 4000 then 'M-00001' end, now(), n, now(), n
from generate_series(1, 5000) n;

insert into p_members.list_members
select code, 'M-' || lpad(n::text, 5, '0'), now() from unnest(array['all', 'others']) code, generate_series(1, 4000) n;

insert into p_facts.facts (stream, kind, id, member, type, status, at, recorded_at, position, total)
select gen_random_uuid(), case when n %% 3 = 0 then 'event' else 'transaction' end, 'T-' || n,
    'M-' || lpad((n %% 20)::text, 5, '0'), 'workout', 'accepted', now(), now(), n, n
from generate_series(1, 8000) n;

insert into laurel.streams (id, bucket, kind, version, state) select gen_random_uuid(), 0, 'member', 1, '' from generate_series(1, 8000);
insert into laurel.events (stream, version, bucket, position, tag, payload, envelope)
select id, 1, 0, row_number() over (), 'member.registered', '', int8send(row_number() over ()) from laurel.streams;

insert into p_decisions.decisions (id, kind, outcome, member, campaign, occurrence, revision, accounts, points,
    awarded_points, aggregate, breakdown, reasons, reason_codes, fact_kind, fact_id, stream, version, occurred_at,
    recorded_at, position)
select ('018f0000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid,
    case when n %% 200 = 0 then 'correction' else 'tiered_award' end,
    case when n %% 150 = 0 then 'refused' else 'granted' end, 'M-' || lpad((n %% 20)::text, 5, '0'),
    ('018f0000-0000-7000-8000-00000000000' || n %% 10)::uuid, 1, 1,
    case when n %% 1000 = 0 then '{miles}'::text[] else '{points}' end, n, n, n, '{"unrounded": "1", "lines": []}', '[]',
    case when n %% 900 = 0 then '{no_tier_reached}'::text[] else '{}' end, 'transaction', 'T-' || n, gen_random_uuid(), 1,
    now(), now(), n
from generate_series(1, 8000) n;

insert into p_decisions.parties
select member, position, outcome = 'granted' from p_decisions.decisions
union all select 'R-1', position, true from p_decisions.decisions where position %% 1000 = 0;

insert into p_decisions.entries
select id, 1, member, accounts[1], points, kind, campaign, occurrence, position, recorded_at from p_decisions.decisions;

insert into p_campaigns.campaigns
select ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, 1,
    case when n %% 10 = 0 then 'deleted' else 'active' end, now(), 'Prize ' || n, 'direct', 'achievement_completed', null,
    now(), null, n, '{}', '{}', %(prize)s::jsonb, 'UTC', now(), n, now(), n
from generate_series(1, 3000) n;

insert into p_campaigns.figures select id, 1, 0, 1, 10 from p_campaigns.campaigns;

insert into p_campaigns.receivers
select id, 'M-' || lpad(n::text, 5, '0'), 1, 1 from p_campaigns.campaigns, generate_series(1, 5) n;

insert into p_tiered_campaigns.tiered_campaigns
select ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, 1, 'Campaign ' || n, %(definition)s::jsonb,
    'UTC', 0, true, false, true, null, now(), n, now(), n
from generate_series(0, 2000) n;

insert into p_tiered_campaigns.occurrences
select t.id, n, now() - interval '1 day' + n * interval '1 hour', now() + n * interval '1 hour',
    now() + (n + 1) * interval '1 hour', 1, null
from p_tiered_campaigns.tiered_campaigns t, generate_series(1, case when t.name = 'Campaign 1' then 1000 else 4 end) n;

insert into p_tiered_campaigns.revisions
select id, 1, 1, definition, 'UTC', 0, now(), created_position from p_tiered_campaigns.tiered_campaigns;

insert into p_standings.standings
select '018f0000-0000-7000-8000-000000000001', o, 'M-' || lpad(n::text, 5, '0'), gen_random_uuid(), 1, n, n, n, n, null,
    false, n
from generate_series(1, 2) o, generate_series(1, 4000) n;

insert into p_standings.statistics
select campaign, number, 4000, 4000, 4000, 1, 0 from p_tiered_campaigns.occurrences;

insert into p_standings.previews
select ('018f0000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid,
    ('018f0000-0000-7000-8000-00000000000' || n %% 2)::uuid, 'finished', n, now(), null, now(), null
from generate_series(1, 4000) n;

insert into p_standings.preview_occurrences select id, 1, 4000, 4000, 1, 1 from p_standings.previews;

insert into p_standings.preview_members
select ('018f0000-0000-7000-9000-' || lpad(p::text, 12, '0'))::uuid, o, 'M-' || lpad(n::text, 5, '0'), n, n, n + p, n
from unnest(array[1, 3]) p, generate_series(1, 2) o, generate_series(1, 4000) n;

insert into p_catalogue.entries
select kind, kind || lpad(n::text, 4, '0'),
    jsonb_build_object('entry', kind, 'code', kind || n, 'name', 'A', 'label', 'A', 'expression', 'true', 'decimals', 0),
    1, now(), n
from unnest(array['event_type', 'account', 'segment', 'list', 'badge', 'coupon', 'reward']) kind,
    generate_series(1, 2000) n;

insert into p_rewards.stocks
select kind, kind || lpad(n::text, 4, '0'), n, n, 0
from unnest(array['coupon', 'reward']) kind, generate_series(1, 2000) n;

insert into p_rewards.coupon_codes
select 'welcome', lpad(n::text, 5, '0'), n, case when n %% 100 = 0 then 'void' when n < 6000 then 'issued' else 'available' end,
    case when n < 6000 then 'M-' || lpad((n %% 20)::text, 5, '0') end, case when n < 6000 then now() end, null
from generate_series(1, 8000) n;

insert into p_rewards.member_coupons
select coupon, code, member, status, 5, null, '018f0000-0000-7000-8000-000000000001', gen_random_uuid(), now(), number
from p_rewards.coupon_codes where member is not null;

insert into p_rewards.member_badges
select gen_random_uuid(), 1, 'M-' || lpad((n %% 100)::text, 5, '0'), 'badge' || lpad(n::text, 4, '0'), 1, now(),
    null, null
from generate_series(1, 8000) n;

insert into p_rewards.member_rewards
select gen_random_uuid(), 1, 'M-' || lpad((n %% 100)::text, 5, '0'), 'reward' || lpad(n::text, 4, '0'), 1, now()
from generate_series(1, 8000) n;

insert into p_catalogue.products
select 'SKU-' || lpad(n::text, 5, '0'), 'Tea', 'tea', null, 1, 1, now(), n from generate_series(1, 5000) n;

insert into laurel.jobs (id, kind, detail, requested_by, created_at)
select gen_random_uuid(), 'import', '{}', '', now() + n * interval '1 second' from generate_series(1, 5000) n;

insert into laurel.rebuilds (id, projections, switch, status, progress, requested_at)
select gen_random_uuid(), '{members}', true, 'finished', '{}', now() + n * interval '1 second'
from generate_series(1, 3000) n;

insert into p_achievements.achievements
select ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, 2, 'Achievement ' || n,
    case when n %% 50 = 0 then 'archived' else 'active' end, null, array['transaction'], '{}', %(achievement)s::jsonb,
    now(), n, now(), n
from generate_series(1, 2000) n;

insert into p_achievements.completions select id, 4000, 4000 from p_achievements.achievements;

insert into p_achievements.member_achievements
select 'M-' || lpad(n::text, 5, '0'), '018f0000-0000-7000-8000-000000000001', r, 1, n %% 2 = 0, now(), now(), n
from generate_series(1, 2) r, generate_series(1, 4000) n;

insert into p_achievements.member_achievements
select 'M-00007', id, 2, 1, false, now(), now(), 1 from p_achievements.achievements where created_position > 1;

insert into p_achievements.progress_facts (member, achievement, position, number, revision, rule, outcome, fact_kind,
    fact_id, amount, value, goal, reason, detail, recorded_at)
select 'M-' || lpad((n %% 20)::text, 5, '0'), ('018f0000-0000-7000-8000-00000000000' || k)::uuid, n, k, 1, 1, 'counted',
    'transaction', 'T-' || n, 1, 1, 2, null, null, now()
from generate_series(1, 8000) n, generate_series(1, 3) k;
