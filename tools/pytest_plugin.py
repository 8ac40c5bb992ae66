"""pytest plugin: fixtures with a booted device."""
