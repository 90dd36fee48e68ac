"""What can be asked of the projections' rows and of the log: listings, single things, and their explanations."""
