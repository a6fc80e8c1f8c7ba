"""Jenkins: the jobs of one controller."""
