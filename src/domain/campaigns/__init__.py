"""Campaigns: who is given what for progress and completions, within limits and budgets."""
