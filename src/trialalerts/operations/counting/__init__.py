"""Counting for the operator: what happened in some days, and how many people are written to."""
