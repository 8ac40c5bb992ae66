"""The PSA Certified APIs: constants, types and the client-side functions."""
