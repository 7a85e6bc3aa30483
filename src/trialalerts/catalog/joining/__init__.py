"""One trial, one item: which records are one trial, what they say together, and how items become one or part."""
