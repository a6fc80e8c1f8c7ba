"""A loopback GitHub."""
