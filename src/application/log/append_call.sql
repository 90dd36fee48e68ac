-- Appends one batch; see laurel.append in the migrations.
select head, stale, conflicts
from laurel.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
    $20)
