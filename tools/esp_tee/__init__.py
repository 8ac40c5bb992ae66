"""Verify tokens of ESP-TEE."""
