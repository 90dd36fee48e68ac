"""Routes of members."""
