"""Lets ``python -m trialalerts`` run the command line."""

from __future__ import annotations

from trialalerts.cli.main import main

main()
