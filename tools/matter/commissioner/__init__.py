"""Judge a Matter device as a commissioner does."""
