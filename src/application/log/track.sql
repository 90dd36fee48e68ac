-- Moves an application's position on; no row comes back when it would not move on.
insert into laurel.tracking (application, position)
values (%s, %s)
on conflict (application) do update set position = excluded.position where tracking.position < excluded.position
returning position
