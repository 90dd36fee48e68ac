-- Forgets when something was last recorded, where that is after an instant: what comes begins anew behind the head.
update laurel.heads
set recorded_at = null, stamp = null, began = head
where bucket = %s and recorded_at > %s
