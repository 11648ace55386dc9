"""What people are told, and whether it arrived."""
