"""Routes of decisions."""
