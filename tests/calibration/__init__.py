"""How often rules alarm on streams that are known to be healthy, and how soon on ones that are known to drift."""
