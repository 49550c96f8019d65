"""Scene-agnostic priors: what ships with the package and costs a file nothing, and what it learns from."""
