"""What is compared: columns, windows, samples and the policy."""
