"""Routes of what members have been given."""
