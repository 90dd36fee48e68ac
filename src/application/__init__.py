"""Commands over the event log: load what a command concerns, ask the domain, append the answer."""
