-- Lets nothing be recorded before an instant any more, once what is under way has landed.
update laurel.heads h
set recorded_at = greatest(h.recorded_at, p.instant),
    stamp = case when h.recorded_at >= p.instant then h.stamp else p.stamp end
from (values (%s::timestamptz, %s::bytea)) p (instant, stamp)
where h.bucket = %s
returning h.head, h.began
