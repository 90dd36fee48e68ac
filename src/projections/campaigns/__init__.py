"""Campaigns, what each has decided, and what each receiver has had of it."""
