"""Lists that are filtered, sorted and paged: their columns, what is asked of them, and that as SQL."""
