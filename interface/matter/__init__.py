"""What a Matter device and its factory agree on: factory data, TLV, the provisioning link."""
