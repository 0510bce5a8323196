"""Initial programs, one file per domain: the program that a run starts from."""
