"""Routes of tiered campaigns."""
