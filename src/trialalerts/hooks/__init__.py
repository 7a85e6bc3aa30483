"""Webhooks: other programs are told, by signed requests, of what happens here."""
