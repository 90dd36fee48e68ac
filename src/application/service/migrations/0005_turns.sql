-- Tiered campaigns and achievements say behind which definitions they were switched on and off: their states are made anew.

update laurel.streams set state = '' where kind in ('tiered_campaign', 'achievement');
