"""A crypto service with ST's Key Wrap Engine: whom it meets at its location, and what it needs."""

from dataclasses import replace
from typing import Final

from ...interface.stm32.key_wrap_engine import PSA_CRYPTO_KWE_DRIVER_LOCATION
from .config import CryptoConfig
from .kwe_driver import KWE_DRIVER

MOVED_BUILTIN_KEY_LOCATION: Final = 0x800002
"""Where the builtin key loader is in a build with the engine, which has its location."""


def with_engine(crypto: CryptoConfig) -> CryptoConfig:
    """The service with the engine's driver; the builtin key loader makes room for it.

    Raises DriverError where another driver has its location.
    """
    if has_engine(crypto):
        return crypto
    location = crypto.builtin_key_location
    if location == PSA_CRYPTO_KWE_DRIVER_LOCATION:
        location = MOVED_BUILTIN_KEY_LOCATION
    return replace(crypto, drivers=(*crypto.drivers, KWE_DRIVER), builtin_key_location=location)


def has_engine(crypto: CryptoConfig) -> bool:
    """Whether the engine's driver is at its location, in either way of wrapping AES keys."""
    here = [spec for spec in crypto.drivers if spec.location == PSA_CRYPTO_KWE_DRIVER_LOCATION]
    return any(spec.module == KWE_DRIVER.module for spec in here)
