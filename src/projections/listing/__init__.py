"""Lists that are filtered, sorted and paged, and how their rows are asked for."""
