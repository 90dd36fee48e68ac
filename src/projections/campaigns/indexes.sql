-- In the order they are shown in.
create index on campaigns (display_order, id);

-- The segments that it takes to say what a member sees.
create index on campaigns (id) include (segments) where life in ('active', 'paused') and segments <> '{}';
