"""The pages of the editors' desk."""
