"""The service around it all: settings, keys, the clock, leases, and why commands are refused."""
