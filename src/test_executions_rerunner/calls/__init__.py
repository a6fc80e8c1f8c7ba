"""One call to a server: how it is sent, what its answer holds, and what its failure means."""
