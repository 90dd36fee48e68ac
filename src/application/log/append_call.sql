-- Appends one batch; see laurel.append in the migrations.
select head, stale, conflicts
from laurel.append(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
