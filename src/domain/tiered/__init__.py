"""Tiered campaigns: an attribute is added up for each member and occurrence, and paid by tiers."""
