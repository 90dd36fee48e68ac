"""Jobs, and the projections themselves, as people see them."""
