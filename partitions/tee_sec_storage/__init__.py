"""The secure storage service of ESP-TEE."""
