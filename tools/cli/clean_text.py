"""Text of others on its way to the terminal; apart from `output`, which takes rich along."""

import sys


def clean(line: str) -> str:
    """Nothing that a device says reaches the terminal as a control, or as a letter it cannot encode."""
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return shown.encode(encoding, "backslashreplace").decode(encoding)
