-- How far a bucket goes, behind which position its times are in order, and before when nothing is recorded any more.
select head, began, recorded_at from laurel.heads where bucket = %s
