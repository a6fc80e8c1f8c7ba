"""The queue of rerun requests: Test Observer's, or a file in its place."""
