"""The watch: what stands still, and that the operator hears of it."""
