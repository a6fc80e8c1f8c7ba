"""What people and runners read."""
