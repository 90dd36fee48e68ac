-- How many members are in progress.
create index on member_achievements (achievement, revision) where in_progress;
