"""The articles of an organisation's own editors: Markdown files, and the life of each from a draft to its end."""
