"""What a factory does to a Matter device."""
