"""partitions/crypto."""
