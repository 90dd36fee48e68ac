"""The catalogue: what callers send of it, its commands, and the codes of coupons."""
