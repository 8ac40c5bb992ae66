"""Persistent keys on a whole device: at each isolation level, over resets and power cuts."""

from collections.abc import Callable

import pytest
from support.key_wrap_driver import PAIR, KeyWrapDriver

from tfm_sim.device import Build, Device
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_HANDLE, PSA_SUCCESS
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.drivers import DriverSpec
from tfm_sim.platform.power import Cut, CutMode, PowerCut
from tfm_sim.spm.config import Backend, SpmConfig

AES, RAW = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_RAW_DATA
WRAP = 0x000001
WRAPPED = v.PSA_KEY_LIFETIME_FROM_PERSISTENCE_AND_LOCATION(v.PSA_KEY_PERSISTENCE_DEFAULT, WRAP)
CONFIG = CryptoConfig(drivers=(DriverSpec.of(WRAP, KeyWrapDriver),))
EXPORT, COPY = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY
ES256 = v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_256)
OLD, NEW = bytes(range(64)), bytes(range(100, 150))


def asked(key: int) -> KeyAttributes:
    return KeyAttributes(RAW, lifetime=v.PSA_KEY_LIFETIME_PERSISTENT, usage=EXPORT | COPY, id=key)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_keys_outlive_resets_at_each_isolation_level(level: int) -> None:
    """At levels 2 and 3 partitions have processes of their own, and a driver travels into the crypto one."""
    backend = Backend.SFN if level == 1 else Backend.IPC
    build = Build(bl2=None, spm=SpmConfig(isolation_level=level, backend=backend), crypto=CONFIG)
    with Device(build=build).power_on() as device:
        assert crypto.psa_import_key(device.ns, asked(1), OLD) == (PSA_SUCCESS, 1)
        signs = KeyAttributes(PAIR, 256, WRAPPED, v.PSA_KEY_USAGE_SIGN_HASH, ES256, id=2)
        assert crypto.psa_import_key(device.ns, signs, bytes(31) + b"\7") == (PSA_SUCCESS, 2)
        signature = crypto.psa_sign_hash(device.ns, 2, ES256, bytes(32), 64)
        assert signature[0] == PSA_SUCCESS
        device.reset()
        assert crypto.psa_export_key(device.ns, 1, 64) == (PSA_SUCCESS, OLD)
        assert crypto.psa_sign_hash(device.ns, 2, ES256, bytes(32), 64) == signature


def imports(ns: PsaClient) -> None:
    crypto.psa_import_key(ns, asked(7), NEW)


def copies(ns: PsaClient) -> None:
    _, source = crypto.psa_import_key(ns, KeyAttributes(RAW, usage=EXPORT | COPY), NEW)
    crypto.psa_copy_key(ns, source, asked(7))


def destroys(ns: PsaClient) -> None:
    crypto.psa_destroy_key(ns, 1)


def cut_at(number: int, mode: CutMode, act: Callable[[PsaClient], None]) -> tuple[bool, Device]:
    """Whether power went away while ``act`` ran with its flash operation ``number``; the device, up again."""
    device = Device(build=Build(bl2=None)).power_on()
    assert crypto.psa_import_key(device.ns, asked(1), OLD) == (PSA_SUCCESS, 1)
    device.cut_power(Cut(device.hardware.power.operations + number, mode))
    try:
        act(device.ns)
    except PowerCut:
        return True, device.power_on()
    device.hardware.power.cut_at(None)
    return False, device.reset()


@pytest.mark.parametrize("act", [imports, copies])
@pytest.mark.parametrize("mode", list(CutMode))
def test_a_key_is_stored_whole_or_not_at_all(act: Callable[[PsaClient], None], mode: CutMode) -> None:
    """PSA Crypto 1.2 psa_import_key, psa_copy_key: saved when they return, and never half."""
    number, seen, cut = 0, set(), True
    while cut:
        number += 1
        cut, device = cut_at(number, mode, act)
        found = crypto.psa_export_key(device.ns, 7, 64)
        assert found in ((PSA_SUCCESS, NEW), (PSA_ERROR_INVALID_HANDLE, b"")), number
        seen.add(found[0])
        assert crypto.psa_export_key(device.ns, 1, 64) == (PSA_SUCCESS, OLD)
        if found[0] != PSA_SUCCESS:
            assert crypto.psa_import_key(device.ns, asked(7), NEW) == (PSA_SUCCESS, 7)
        device.power_off()
    assert number > 3 and seen == {PSA_SUCCESS, PSA_ERROR_INVALID_HANDLE}


@pytest.mark.parametrize("mode", list(CutMode))
def test_a_key_is_destroyed_or_whole(mode: CutMode) -> None:
    number, seen, cut = 0, set(), True
    while cut:
        number += 1
        cut, device = cut_at(number, mode, destroys)
        found = crypto.psa_export_key(device.ns, 1, 64)
        assert found in ((PSA_SUCCESS, OLD), (PSA_ERROR_INVALID_HANDLE, b"")), number
        seen.add(found[0])
        destroyed = crypto.psa_destroy_key(device.ns, 1)
        assert destroyed == found[0]
        device.power_off()
    assert number > 3 and seen == {PSA_SUCCESS, PSA_ERROR_INVALID_HANDLE}
