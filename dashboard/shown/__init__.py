"""How things look, on whatever page: charts, badges, tables."""
