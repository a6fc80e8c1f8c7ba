"""One call of the program: the only room that reads the environment and ends the process."""
