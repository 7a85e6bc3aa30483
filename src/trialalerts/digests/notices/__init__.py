"""The notices as mails: what each says, in the reader's language."""
