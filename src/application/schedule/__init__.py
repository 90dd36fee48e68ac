"""What time alone brings about: what is due, and who does it."""
