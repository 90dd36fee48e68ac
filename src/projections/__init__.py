"""Followers of the log whose effect is rows, and the queries over those rows."""
