"""What a drain does with its requests, and what its threads share."""
