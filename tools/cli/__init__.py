"""The `tfm-sim` command."""

from .main import main

__all__ = ["main"]
