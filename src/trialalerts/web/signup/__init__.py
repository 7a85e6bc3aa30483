"""What the sign-up needs beside its page: several wishes at once, suggestions, the text that is agreed to."""
