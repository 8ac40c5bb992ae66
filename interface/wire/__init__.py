"""What the SPM and a partition in another process say to each other (docs/wire.md); no I/O here."""
