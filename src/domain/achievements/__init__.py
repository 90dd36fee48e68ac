"""Achievements: what members are to do, how far they have come, and how often they have done it."""
