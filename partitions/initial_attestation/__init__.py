"""partitions/initial_attestation."""
