"""Simulations: what facts would do."""
