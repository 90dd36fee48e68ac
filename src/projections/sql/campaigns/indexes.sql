-- In the order they are shown in.
create index on campaigns (display_order, id);
