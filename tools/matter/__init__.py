"""Matter devices: factory, firmware, certificates, commissioner."""
