"""Customer Key Storage of the STM32WB."""
