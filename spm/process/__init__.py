"""Partitions in processes of their own: isolation levels 2 and 3 (docs/isolation.md)."""
