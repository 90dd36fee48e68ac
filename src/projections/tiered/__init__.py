"""Tiered campaigns: their occurrences, standings and previews."""
