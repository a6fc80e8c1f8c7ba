"""A loopback Jenkins."""
