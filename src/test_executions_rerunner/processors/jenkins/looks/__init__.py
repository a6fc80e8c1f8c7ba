"""What one look at a job of Jenkins finds out."""
