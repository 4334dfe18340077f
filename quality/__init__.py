"""How right the coder is: what `make quality` measures, with intervals."""
