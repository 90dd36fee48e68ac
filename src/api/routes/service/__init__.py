"""Routes about the service itself: its clock, health, jobs, projections and feed."""
