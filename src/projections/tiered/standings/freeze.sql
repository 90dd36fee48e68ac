-- Copies what a preview freezes: the standings as this transaction has left them.
with frozen as (
    insert into {schema}.preview_members (preview, occurrence, member, total, confirmed, pending_points, award_points)
    select %(preview)s::uuid, occurrence, member, total, confirmed, pending_points, confirmed_points
    from {schema}.standings
    where campaign = %(campaign)s::uuid and occurrence = any (%(occurrences)s::int[]) and awarded is null
    returning occurrence, pending_points, award_points
)
insert into {schema}.preview_occurrences (preview, occurrence, members, participants, pending_points, award_points)
select %(preview)s::uuid, named.occurrence, count(*) filter (where frozen.pending_points <> 0),
    count(frozen.occurrence), coalesce(sum(frozen.pending_points), 0), coalesce(sum(frozen.award_points), 0)
from unnest(%(occurrences)s::int[]) named (occurrence)
left join frozen on frozen.occurrence = named.occurrence
group by named.occurrence
