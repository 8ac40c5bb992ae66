"""Forged Matter attestations, one for each rule that a commissioner enforces."""
