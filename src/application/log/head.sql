-- The last position of a bucket.
select head from laurel.heads where bucket = %s
