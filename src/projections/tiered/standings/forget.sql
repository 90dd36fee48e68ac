-- Drops the previews of a campaign that are older than the newest ones, which are kept.
with forgotten as (
    delete from {schema}.previews
    where campaign = %(campaign)s::uuid and position <= (
        select position from {schema}.previews
        where campaign = %(campaign)s::uuid
        order by position desc
        offset %(kept)s
        limit 1
    )
    returning id
), occurrences as (
    delete from {schema}.preview_occurrences o using forgotten f where o.preview = f.id
)
delete from {schema}.preview_members m using forgotten f where m.preview = f.id
