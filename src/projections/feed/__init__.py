"""The feed: what happened, told to integrations."""
