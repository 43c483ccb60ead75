"""WorldPop's gridded population."""
