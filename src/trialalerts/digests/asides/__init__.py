"""What a mail says beside its entries: what was looked at where nothing is open, how to get less where it is much."""
