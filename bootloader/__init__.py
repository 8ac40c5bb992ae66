"""bootloader."""
