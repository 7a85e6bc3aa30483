"""The sites of a card: which is near, whom to ask there, and how a place is said."""
