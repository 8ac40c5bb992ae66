"""Token tools: compile, decompile, diff, size and byte map of attestation tokens."""
