"""What is around a wish: wider and narrower ones, and what these would bring."""
