-- Tiered campaigns and achievements say whether they ever were active: their states are made anew from their events.

update laurel.streams set state = '' where kind in ('tiered_campaign', 'achievement');
