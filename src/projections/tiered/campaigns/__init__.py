"""Tiered campaigns by their newest revision, and their occurrences."""
