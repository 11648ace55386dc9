"""Two samples: tests, effects, distributions, grids."""
