-- Where one member stands.
create index on standings (member);

-- A campaign's previews, newest first.
create index on previews (campaign, position);
