"""One module for each CI system, behind the interface of `base`."""
