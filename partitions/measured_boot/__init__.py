"""The measured boot partition: what boot stages and their successors measured, slot by slot."""
