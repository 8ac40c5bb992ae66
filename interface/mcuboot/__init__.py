"""MCUboot's formats: what the boot loader, the firmware update service and the tools agree on."""
