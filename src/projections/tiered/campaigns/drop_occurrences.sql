-- Takes away the occurrences that a campaign no longer has.
delete from {schema}.occurrences where campaign = %(campaign)s::uuid and number > %(last)s::int
