"""The event log: what was decided, in one dense order a bucket, and the streams' current states beside it."""
