"""The notices: plain mails about a subscription itself, one person at a time."""
