"""Standings of members in occurrences."""
