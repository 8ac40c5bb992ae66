"""What ST's guide claims of its secure storage (2.1 and 4): the application uses the key and cannot read it.

Everything that a non-secure program has - loads and stores, the flash driver, PSA - is tried on a device that
holds its DAC private key.
"""

from collections.abc import Iterator

import pytest
from support.matter_factory import Factory, verifies

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.internal_trusted_storage import (
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from tfm_sim.interface.psa.protected_storage import psa_ps_get
from tfm_sim.interface.psa.status import PSA_ERROR_DOES_NOT_EXIST, PSA_SUCCESS
from tfm_sim.interface.stm32.cks import CKS_HANDLE
from tfm_sim.platform.board import AreaRole
from tfm_sim.platform.memory import RegionKind
from tfm_sim.platform.ns_flash import NonSecureFlashError
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.tools.matter.device_machine import matter_platform
from tfm_sim.tools.matter.firmware.its_key_store import PSA_ECDSA_KEY_ID_USER

MESSAGE = b"challenge"


@pytest.fixture(scope="module", params=["wba", "wb55"])
def factory(request: pytest.FixtureRequest) -> Iterator[Factory]:
    """STM32WBA6 with TF-M and STM32WB55 in production mode, provisioned and reset."""
    made = Factory(matter_platform(request.param, 2 if request.param == "wba" else 0))
    assert made.provision() == 0
    made.device.reset()
    yield made
    made.device.power_off()


def public_key(factory: Factory) -> bytes:
    return next(value for tag, value in factory.factory_data().values.items() if tag == 6)


def still_signs(factory: Factory) -> bool:
    store, point = factory.platform.key_store(factory.machine), public_key(factory)
    return verifies(point, MESSAGE, store.sign(MESSAGE, point))


def key_flash(factory: Factory) -> tuple[str, int, int]:
    """Device, offset and size of the flash that holds the key."""
    area = factory.device.hardware.board.area_with_role(AreaRole.ITS)
    assert area is not None
    return area.flash, area.offset, area.size


def test_no_load_or_store_reaches_the_secure_side(factory: Factory) -> None:
    """By either alias: a fault that ends the program, and the key is as it was."""
    device, (flash, offset, size) = factory.device, key_flash(factory)
    board = device.hardware.board
    (spec,) = (one for one in board.flash if one.name == flash)
    bases = {base for base in (spec.secure_base, spec.non_secure_base) if base is not None}
    secure_ram = [r.base for r in board.regions if not r.non_secure and r.kind is RegionKind.RAM]
    assert secure_ram
    for address in (*(base + offset + at for base in bases for at in (0, size - 4)), *secure_ram):
        with pytest.raises(DevicePanic):
            device.ns.cpu.load(address, 4)
        device.power_on()
        with pytest.raises(DevicePanic):
            device.ns.cpu.store(address, bytes(4))
        device.power_on()
    assert still_signs(factory)


def test_the_flash_driver_does_not_reach_it(factory: Factory) -> None:
    device, (flash, offset, size) = factory.device, key_flash(factory)
    (spec,) = (one for one in device.hardware.board.flash if one.name == flash)
    for base in {base for base in (spec.secure_base, spec.non_secure_base) if base is not None}:
        for use in (
            lambda at: device.ns_flash.read(at, 16),
            lambda at: device.ns_flash.erase(at, size),
            lambda at: device.ns_flash.program(at, bytes(size)),
        ):
            with pytest.raises(NonSecureFlashError):
                use(base + offset)
    assert still_signs(factory)


def test_storage_calls_of_the_application_find_nothing_of_it(factory: Factory) -> None:
    """FF-M client ids: the uids of crypto's and CKS's own objects are other objects for the application."""
    ns = factory.device.ns
    for uid in (1, 2, PSA_ECDSA_KEY_ID_USER):
        assert psa_its_get(ns, uid, 0, 64) == (PSA_ERROR_DOES_NOT_EXIST, b"")
        assert psa_its_get_info(ns, uid)[0] == PSA_ERROR_DOES_NOT_EXIST
        assert psa_ps_get(ns, uid, 0, 64)[0] == PSA_ERROR_DOES_NOT_EXIST
        assert psa_its_set(ns, uid, b"mine", 0) == PSA_SUCCESS
        assert psa_its_remove(ns, uid) == PSA_SUCCESS
    assert still_signs(factory)


def test_no_crypto_call_gives_it_away(factory: Factory) -> None:
    """Of no key id that could be its own: CKS's is not even a key of the application's."""
    ns = factory.device.ns
    everything = KeyAttributes(usage=v.PSA_KEY_USAGE_EXPORT | v.PSA_KEY_USAGE_COPY)
    for key in (PSA_ECDSA_KEY_ID_USER, *range(1, 8), *(0x40000000 + n for n in range(8))):
        status, data = crypto.psa_export_key(ns, key, 64)
        assert (status != PSA_SUCCESS, data) == (True, b"")
        assert crypto.psa_copy_key(ns, key, everything)[0] != PSA_SUCCESS
    assert still_signs(factory)


def test_cks_answers_no_other_request(factory: Factory) -> None:
    """Two functions, put and sign; on a device without CKS nobody answers."""
    for type_ in (-1, 0, *range(3, 20)):
        assert factory.device.ns.psa_call(CKS_HANDLE, type_, [b""], []) != PSA_SUCCESS
    assert still_signs(factory)
