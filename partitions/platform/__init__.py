"""partitions/platform."""
