"""Members: what callers send of them, and their commands."""
