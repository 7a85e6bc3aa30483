"""What people are told beside what their wishes bring: of what they were told before, and of what was silent."""
