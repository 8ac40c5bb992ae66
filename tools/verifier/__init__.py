"""tools/verifier."""
