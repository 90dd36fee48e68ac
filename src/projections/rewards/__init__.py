"""What members have been given beside units."""
