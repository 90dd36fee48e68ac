"""The service itself: requests that are answered once, and what operators do."""
