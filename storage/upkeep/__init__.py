"""What an operator asks for: retention, verification, first look."""
