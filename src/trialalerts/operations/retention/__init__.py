"""The retention: what is no more needed goes, each kind after its own period."""
