-- Takes away a member's badges for completions that count no more: all beyond so many.
with taken as (
    delete from {schema}.member_badges
    where member = %(member)s and achievement = %(achievement)s::uuid and before >= %(completed)s::int
)
update {schema}.member_badges
set times = %(completed)s::int - before
where member = %(member)s and achievement = %(achievement)s::uuid
    and before < %(completed)s::int and before + times > %(completed)s::int
