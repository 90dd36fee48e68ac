"""Achievements: their bodies and commands, and what facts do to progress."""
