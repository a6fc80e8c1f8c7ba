"""Loopback servers that answer as Test Observer, Jenkins and GitHub do: for the demo and for the tests."""
