"""What is defined, as every process holds it in memory, compiled."""
