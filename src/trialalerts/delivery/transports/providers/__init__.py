"""Transports through the HTTP APIs of mail providers, one file each."""

from __future__ import annotations
