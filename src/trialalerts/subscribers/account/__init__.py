"""What subscribers do with their own account: move, rest, leave and come back."""
