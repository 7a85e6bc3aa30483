"""Packing: what is only ever read as a whole takes a quarter of its size."""
