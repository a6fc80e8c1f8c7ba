"""GitHub Actions: the runs of one server."""
