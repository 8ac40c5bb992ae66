"""Where the DAC private key lives: ITS by PSA at isolation levels 1 to 3, CKS, plain flash."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.matter_factory import BEFORE_PROVISIONING, Factory, Tag, verifies

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_ALREADY_EXISTS,
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)
from tfm_sim.interface.stm32.cks import OtError
from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.spm.ns_tasks import NsTask
from tfm_sim.tools.matter.device_machine import DacKeyPlace, PlatformError, matter_platform
from tfm_sim.tools.matter.factory.programmer import program
from tfm_sim.tools.matter.firmware import its_key_store
from tfm_sim.tools.matter.firmware.dac_key_store import DacKeyError
from tfm_sim.tools.matter.firmware.factory_flash import FactoryFlash
from tfm_sim.tools.matter.firmware.its_key_store import (
    DAC_KEY_ATTRIBUTES,
    PSA_ECDSA_KEY_ID_USER,
    ItsKeyStore,
)

PRIVATE = (0x1234).to_bytes(32, "big")
PUBLIC = (
    ec.derive_private_key(0x1234, ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
OTHER = (0x1235).to_bytes(32, "big")
ES256 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)


@pytest.fixture(params=[1, 2, 3], scope="module", ids=lambda level: f"level {level}")
def its(request: pytest.FixtureRequest) -> Iterator[Factory]:
    """STM32WBA with TF-M, the key imported into its ITS."""
    factory = Factory(matter_platform("wba", 2), isolation_level=request.param)
    ItsKeyStore(factory.device.ns).store(PRIVATE)
    yield factory
    factory.device.power_off()


def test_attributes_are_the_documents() -> None:
    assert str(DAC_KEY_ATTRIBUTES) == (
        "PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1), 256 bits, id 0x1fff0001, "
        "PSA_KEY_LIFETIME_PERSISTENT, PSA_KEY_USAGE_SIGN_MESSAGE, PSA_ALG_ECDSA(PSA_ALG_SHA_256)"
    )


def test_the_device_keeps_them(its: Factory) -> None:
    status, attributes = crypto.psa_get_key_attributes(its.device.ns, PSA_ECDSA_KEY_ID_USER)
    assert (status, attributes) == (PSA_SUCCESS, DAC_KEY_ATTRIBUTES)


def test_a_raw_signature_of_64_bytes(its: Factory) -> None:
    signature = ItsKeyStore(its.device.ns).sign(b"elements and challenge", PUBLIC)
    assert len(signature) == 64
    assert verifies(PUBLIC, b"elements and challenge", signature)


def test_open_and_close(its: Factory) -> None:
    """The document's psa_open_key, psa_sign_message, psa_close_key; the handle is all that NS sees."""
    ns = its.device.ns
    status, handle = crypto.psa_open_key(ns, PSA_ECDSA_KEY_ID_USER)
    assert (status, handle) == (PSA_SUCCESS, PSA_ECDSA_KEY_ID_USER)
    assert crypto.psa_sign_message(ns, handle, ES256, b"m", 64)[0] == PSA_SUCCESS
    assert crypto.psa_close_key(ns, handle) == PSA_SUCCESS
    assert crypto.psa_open_key(ns, handle)[0] == PSA_SUCCESS


def test_the_documents_calls_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """ST's guide, 4.1: to store psa_crypto_init and psa_import_key; to sign open, sign and close."""
    called: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(its_key_store, name)

        def call(*arguments: Any) -> Any:
            called.append(name)
            return real(*arguments)

        return call

    calls = ["psa_crypto_init", "psa_import_key", "psa_open_key", "psa_sign_message", "psa_close_key"]
    for name in calls:
        monkeypatch.setattr(its_key_store, name, watched(name))
    with Factory(matter_platform("wba", 2)).device as device:
        ItsKeyStore(device.ns).store(PRIVATE)
        ItsKeyStore(device.ns).sign(b"m", PUBLIC)
    assert called == calls


def test_what_the_policy_refuses(its: Factory) -> None:
    ns, key = its.device.ns, PSA_ECDSA_KEY_ID_USER
    copy = KeyAttributes(usage=v.PSA_KEY_USAGE_EXPORT)
    assert [
        crypto.psa_export_key(ns, key, 32),
        crypto.psa_sign_hash(ns, key, ES256, bytes(32), 64),
        crypto.psa_copy_key(ns, key, copy),
        crypto.psa_sign_message(ns, key, v.PSA_ALG_DETERMINISTIC_ECDSA(v.PSA_ALG_SHA_256), b"m", 64),
        crypto.psa_raw_key_agreement(ns, v.PSA_ALG_ECDH, key, PUBLIC, 32),
    ] == [
        (PSA_ERROR_NOT_PERMITTED, b""),
        (PSA_ERROR_NOT_PERMITTED, b""),
        (PSA_ERROR_NOT_PERMITTED, 0),
        (PSA_ERROR_NOT_PERMITTED, b""),
        (PSA_ERROR_NOT_PERMITTED, b""),
    ]


def test_a_second_import_under_the_id(its: Factory) -> None:
    with pytest.raises(
        DacKeyError, match=r"psa_import_key returned PSA_ERROR_ALREADY_EXISTS \(-139\)"
    ) as caught:
        ItsKeyStore(its.device.ns).store(OTHER)
    assert (caught.value.call, caught.value.status) == ("psa_import_key", PSA_ERROR_ALREADY_EXISTS)
    assert verifies(PUBLIC, b"still the first", ItsKeyStore(its.device.ns).sign(b"still the first", PUBLIC))


def test_it_outlives_a_reset_and_is_in_no_flash_image(its: Factory) -> None:
    its.device.reset()
    assert verifies(PUBLIC, b"after", ItsKeyStore(its.device.ns).sign(b"after", PUBLIC))
    image = its.flash_image()
    assert PRIVATE not in image
    assert PRIVATE[::-1] not in image


def test_another_client_has_no_such_key() -> None:
    """FF-M client ids: a key belongs to the client that made it."""
    with Factory(matter_platform("wba", 2)).device as device:
        ItsKeyStore(device.ns).store(PRIVATE)
        task: NsTask = device.start_task(
            lambda ns: crypto.psa_open_key(ns, PSA_ECDSA_KEY_ID_USER)[0], "other", ns_id=-7
        )
        device.join(task)
        assert task.result == PSA_ERROR_DOES_NOT_EXIST


def test_without_encryption_it_would_be_in_the_flash_image() -> None:
    """What the platform's ITS_ENCRYPTION is for."""
    platform = matter_platform("wba", 2)
    factory = Factory(platform)
    factory.device.power_off()
    build = platform.build()
    assert build.its is not None
    plain = replace(build, its=replace(build.its, encryption=False))
    factory = Factory(platform, build=plain)
    ItsKeyStore(factory.device.ns).store(PRIVATE)
    assert PRIVATE in factory.flash_image()


@pytest.mark.parametrize(
    "platform, security, mode, empty, not_a_key",
    [
        ("wba", 2, "production", PSA_ERROR_DOES_NOT_EXIST, PSA_ERROR_INVALID_ARGUMENT),
        ("wb55", 0, "production", OtError.OT_ERROR_NOT_FOUND, OtError.OT_ERROR_INVALID_ARGS),
        ("wb55", 0, "test", 1, None),
        ("wba", 1, "production", 1, None),
        ("u5", 1, "production", 1, None),
    ],
)
def test_each_store(platform: str, security: int, mode: str, empty: int, not_a_key: int | None) -> None:
    factory = Factory(matter_platform(platform, security, mode))
    store = factory.platform.key_store(factory.machine)
    with pytest.raises(DacKeyError) as caught:
        store.sign(b"m", PUBLIC)
    assert caught.value.status == empty
    for bad in (b"", bytes(31), bytes(33)) if not_a_key is None else (bytes(32), bytes(31), bytes(33)):
        with pytest.raises(DacKeyError) as caught:
            store.store(bad)
        assert caught.value.status == (3 if not_a_key is None else not_a_key)
    store.erase()
    for key in (OTHER, PRIVATE):
        factory.write_factory_data(BEFORE_PROVISIONING)
        store.erase()
        update = FactoryFlash(factory.machine.flash, factory.platform.support).update()
        for tag, value in store.store(key):
            update.append(tag, value)
        update.write()
    factory.device.reset()
    assert verifies(
        PUBLIC, b"challenge", factory.platform.key_store(factory.machine).sign(b"challenge", PUBLIC)
    )
    in_flash = factory.platform.key_place is DacKeyPlace.FLASH
    assert (PRIVATE in factory.flash_image()) is in_flash
    assert factory.factory_data().get(Tag.DEVICE_ATTESTATION_PRIV_KEY) == (PRIVATE if in_flash else None)
    assert factory.factory_data().without([Tag.DEVICE_ATTESTATION_PRIV_KEY]) == BEFORE_PROVISIONING


@pytest.mark.parametrize("name, security", [("wba", 0), ("wb55", 0), ("u5", 1)])
@pytest.mark.parametrize("left, found", [(12, True), (10, True), (0, True), (-1, False)])
def test_the_reader_looks_up_to_the_end_address(name: str, security: int, left: int, found: bool) -> None:
    """FACTORY_DATA_END_ADDR, a bound for where an entry begins; the writer stops at 16 KiB."""
    platform = matter_platform(name, security)
    place = platform.support
    last = {"wb55": 0x901CFFFF}.get(name, 0x081FAFFF)
    at = last - 1 - left
    hardware = Hardware(load_board(platform.board))
    filler, start = bytearray(), place.factory_data
    while start + len(filler) + 1216 < at:
        filler += (99).to_bytes(4, "little") + (600).to_bytes(4, "little") + bytes(600)
    rest = at - start - len(filler)
    for size in (rest - rest // 2, rest // 2):
        filler += (99).to_bytes(4, "little") + (size - 8).to_bytes(4, "little") + bytes(size - 8)
    entry = int(Tag.VENDOR_ID).to_bytes(4, "little") + (2).to_bytes(4, "little") + b"\xf1\xff"
    program(hardware, start, bytes(filler) + entry)
    assert (FactoryFlash(hardware.ns_flash, place).read(Tag.VENDOR_ID) == b"\xf1\xff") is found


@pytest.mark.parametrize(
    "platform, security, mode, place",
    [
        ("wba", 0, "production", DacKeyPlace.FLASH),
        ("wba", 1, "production", DacKeyPlace.FLASH),
        ("wba", 2, "production", DacKeyPlace.ITS),
        ("wba", 2, "test", DacKeyPlace.ITS),
        ("u5", 1, "production", DacKeyPlace.FLASH),
        ("wb55", 0, "production", DacKeyPlace.CKS),
        ("wb55", 0, "test", DacKeyPlace.FLASH),
    ],
)
def test_platforms(platform: str, security: int, mode: str, place: DacKeyPlace) -> None:
    """X-CUBE-MATTER: TF-M only on STM32WBA6; CKS on STM32WB55 in production; by default flash."""
    assert matter_platform(platform, security, mode).key_place is place


@pytest.mark.parametrize(
    "platform, security, mode",
    [
        ("u5", 2, "production"),
        ("wb55", 1, "production"),
        ("nrf", 0, "test"),
        ("wba", 3, "test"),
        ("wba", 0, "x"),
    ],
)
def test_platforms_that_st_does_not_have(platform: str, security: int, mode: str) -> None:
    with pytest.raises(PlatformError, match="legal: "):
        matter_platform(platform, security, mode)
