"""Tiered campaigns: their bodies and commands, previews, and evaluation."""
