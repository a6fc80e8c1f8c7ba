"""A loopback Test Observer."""
