"""The catalogue: what definitions refer to."""
