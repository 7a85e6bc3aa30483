"""Readers who are told elsewhere, without content, that there is news: the ways, their outbox, telling."""
