"""The reading of a record for the plain line: what is tested, in whom, and what it is held beside; no words yet."""
