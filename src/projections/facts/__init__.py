"""What members did."""
