"""The factory and the verifier of STM32 initial attestation."""
