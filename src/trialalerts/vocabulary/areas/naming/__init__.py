"""The names of areas: in the readers' languages, folded for the search, misspelt, and the files they come from."""

from __future__ import annotations
