"""The alarm that holds for life: bets on buckets of rows, one budget, alarms that latch."""
