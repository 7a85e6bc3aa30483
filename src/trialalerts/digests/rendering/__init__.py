"""The mails of a digest, a confirmation and a digest's page, written in the reader's language."""
