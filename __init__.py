"""Arm's Trusted Firmware-M as an executable model."""
