"""Members, their lists and their accounts."""
