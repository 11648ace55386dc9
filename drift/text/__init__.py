"""What texts say: features, new words, meaning, a classifier between two windows."""
