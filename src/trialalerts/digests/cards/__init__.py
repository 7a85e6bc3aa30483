"""The cards: what a digest says of an item, in the words of one language."""
