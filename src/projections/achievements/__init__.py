"""Achievements, and how far members are."""
