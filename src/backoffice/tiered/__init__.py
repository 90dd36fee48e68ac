"""Pages of tiered campaigns."""
