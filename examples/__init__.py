"""Programs that use a running service as a client would."""
