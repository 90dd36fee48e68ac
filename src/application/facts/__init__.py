"""Facts: what callers send of them, what they cause, and how they are counted again."""
