"""Arithmetic and decisions over frozen structs: no clock, no randomness, no I/O."""
