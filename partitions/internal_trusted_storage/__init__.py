"""TF-M's internal trusted storage partition, and its flash file system."""
