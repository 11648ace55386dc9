"""Labels and scores: agreement, expected accuracy, concept drift."""
