"""The secure partitions: one folder each, with its manifest in TF-M's format and its program."""
