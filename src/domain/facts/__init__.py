"""Facts: what members did, and what it counted for."""
