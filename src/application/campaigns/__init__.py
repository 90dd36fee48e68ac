"""Campaigns: their bodies and commands, and the policy that has them decide."""
