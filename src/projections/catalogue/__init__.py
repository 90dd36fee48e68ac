"""The catalogue and the products."""
