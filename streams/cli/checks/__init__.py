"""What can be wrong with an installation: each check a function that says so, with a place and a remedy."""
