"""What a simulation comes to."""
