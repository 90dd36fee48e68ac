-- Facts keep what was asked of the member and what refunds have left: the states of those that changed are made anew.

update laurel.streams set state = '' where kind in ('transaction', 'member_event') and version > 1;
