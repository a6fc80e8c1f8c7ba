"""Start again the CI runs that Test Observer was asked to have started again."""
