"""What one look at a run of GitHub finds out."""
