"""A change of hands: telling people before, the archive that goes, and what comes by one."""
