"""Decisions, each explained down to the facts."""
