"""What both sides of ESP-TEE's secure services agree on."""
