"""The programs that made the weights of the package, one folder per network."""
