"""Webhooks: what is told to whom, and programs that lie."""
