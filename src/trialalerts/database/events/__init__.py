"""Events for other programs: noted where they happen, in the same transaction."""
