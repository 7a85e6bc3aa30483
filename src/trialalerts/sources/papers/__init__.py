"""Papers: what libraries of them say, and what of it is told."""
