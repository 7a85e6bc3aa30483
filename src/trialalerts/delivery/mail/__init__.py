"""What mail is made of, and what mail servers say of it."""
