"""What each language does to names before they stand in its sentences."""
