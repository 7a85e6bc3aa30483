"""What people see: every page and mail in a real browser, for form, access and looks."""
