"""The announcements: what editors tell to many at once, to whom, and how it reads."""
