"""The server: the application, its connections, readiness, and the wiring of everything."""
