"""Challenge and response over loopback HTTP: a device that answers nonces, a verifier that hands them out."""
