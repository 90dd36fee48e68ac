"""Routes of achievements."""
