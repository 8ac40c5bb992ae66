"""What STM32 platforms add to the PSA APIs: key wrapping, device authentication, customer key storage."""
