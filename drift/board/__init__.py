"""What a model's window comes to: verdict, headline, advice."""
