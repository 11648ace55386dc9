"""The form behind every button."""
