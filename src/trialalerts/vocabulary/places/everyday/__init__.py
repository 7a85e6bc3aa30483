"""Regions that people name and no registry knows: Yorkshire, the Ruhrgebiet, Scandinavia, Europe."""

from __future__ import annotations
