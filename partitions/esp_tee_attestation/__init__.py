"""The attestation service of ESP-TEE."""
