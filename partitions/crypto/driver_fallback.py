"""What the service does where an opaque driver lacks an entry point that needs no secret."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from .drivers import DriverKey, OpaqueDriver
from .key_formats import load
from .material import Material
from .refusal import Refusal

ResultT = TypeVar("ResultT")


def or_else(ask: Callable[[], ResultT], otherwise: Callable[[], ResultT]) -> ResultT:
    """What the driver answers, or what stands in for it where the driver says NOT_SUPPORTED."""
    try:
        return ask()
    except Refusal as refusal:
        if refusal.status != PSA_ERROR_NOT_SUPPORTED:
            raise
    return otherwise()


def exported_public_key(driver: OpaqueDriver, key: DriverKey) -> tuple[KeyAttributes, Material]:
    """The public part of a driver's key as a key of the service's own, checked as an imported one."""
    kind = PSA_KEY_TYPE_PUBLIC_KEY_OF_KEY_PAIR(key.attributes.type)
    attributes = replace(key.attributes, type=kind)
    return attributes, load(attributes, driver.export_public_key(key))[1]
