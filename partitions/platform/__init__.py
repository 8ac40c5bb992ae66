"""The platform partition: reset, ioctl and NV counters for clients."""
