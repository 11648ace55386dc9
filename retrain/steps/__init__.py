"""What a job does, step by step."""
