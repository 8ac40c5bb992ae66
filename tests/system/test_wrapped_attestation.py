"""Initial attestation with a wrapped device key, from ST's factory to a verified token, at all levels."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from support.stm32_device import BOARD, SECRETS, issue, make_device, make_hardware, private_keys

from tfm_sim import Build, Device, PsaError, SpmConfig, bl2_config_for, load_board, with_key_wrap_engine
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_SHA_256,
    PSA_ECC_FAMILY_SECP_R1,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_USAGE_SIGN_HASH,
)
from tfm_sim.interface.psa.status import PSA_ERROR_GENERIC_ERROR, PSA_SUCCESS
from tfm_sim.interface.stm32.dua_certificate import CertId, CertStatus, UTIL_CERT_GetCertificate
from tfm_sim.interface.stm32.key_wrap_engine import (
    PSA_KWE_ECC_KEY_ID_DUA_USER_FU,
    PSA_KWE_ECC_KEY_ID_DUA_USER_LU,
)
from tfm_sim.interface.trace import Event
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.partitions.initial_attestation.wrapped_dua import LIFETIME
from tfm_sim.platform.ccb_events import CPU_BUS, PRIVATE_BUS, CcbOperation, KeyMoved
from tfm_sim.platform.flash import FlashError
from tfm_sim.platform.hal import HAL_FUNCTIONS
from tfm_sim.platform.stm32_factory import export_wrapped_key, install_wrapped_key, manufacture
from tfm_sim.spm.events import MessageDelivered
from tfm_sim.spm.load import LoadError
from tfm_sim.spm.panic import DevicePanic
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.verifier import verify
from tfm_sim.tools.verifier.keys import load_key

CHALLENGE = bytes(range(32))
HAS_PROC = Path("/proc/self/mem").exists()
"""Where the memory of another process can be read, which is on Linux."""
FU, LU = CertId.DUA_USER_FU, CertId.DUA_USER_LU


def certificate_key(device: Device, certificate: CertId) -> ec.EllipticCurvePublicKey:
    """The key in the certificate that the non-secure side reads by its own loads."""
    status, der = UTIL_CERT_GetCertificate(device.ns.cpu, certificate)
    assert status == CertStatus.OK
    key = x509.load_der_x509_certificate(der).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_token_is_of_the_key_that_the_certificate_names(level: int) -> None:
    with make_device(spm=SpmConfig(isolation_level=level)).power_on() as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        verdict = verify(token, load_key(certificate_key(device, LU)), challenge=CHALLENGE)
        assert verdict.ok, verdict.reasons
        other = verify(token, load_key(certificate_key(device, FU)), challenge=CHALLENGE)
        assert not other.ok


@pytest.mark.parametrize("variant", [TokenVariant.PSA_IOT_PROFILE_1_2022, TokenVariant.RFC_9783])
@pytest.mark.parametrize("dua_key", CertId)
def test_either_key_and_any_token(dua_key: CertId, variant: TokenVariant) -> None:
    build = Build(bl2=bl2_config_for(load_board(BOARD)), attestation=AttestationConfig(variant=variant))
    device = Device(BOARD, build=with_key_wrap_engine(build, dua_key))
    manufacture(device.hardware, issue)
    flash_demo_firmware(device)
    with device.power_on():
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        assert len(token) == device.psa.initial_attestation.get_token_size(len(CHALLENGE))
        verdict = verify(token, load_key(certificate_key(device, dua_key)), challenge=CHALLENGE)
    assert verdict.ok, verdict.reasons


class Watch:
    """Everything that a device tells of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def requests(self) -> list[str]:
        """What the services are asked, in its order; without what a request is about."""
        asked = [e.request for e in self.events if isinstance(e, MessageDelivered)]
        return [request.partition("(")[0] for request in asked]


def test_the_five_steps_of_the_document() -> None:
    """Import of the wrapped key, hash, signature, token, certificate; later tokens need no import."""
    watch = Watch()
    with make_device(listeners=[watch]).power_on() as device:
        watch.events.clear()
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        asked = watch.requests()
        steps = [asked.index(step) for step in ("psa_import_key", "psa_hash_compute", "psa_sign_hash")]
        assert steps == sorted(steps)
        assert "psa_sign_message" not in asked
        watch.events.clear()
        assert device.psa.initial_attestation.get_token(CHALLENGE) != token  # the hardware draws the number
        assert "psa_import_key" not in watch.requests()
        assert certificate_key(device, LU)


@pytest.mark.parametrize("level", [1, 3])
def test_no_cleartext_key_crosses_the_cpu_side(level: int) -> None:
    watch = Watch()
    with make_device(listeners=[watch], spm=SpmConfig(isolation_level=level)).power_on() as device:
        watch.events.clear()
        device.psa.initial_attestation.get_token(CHALLENGE)
    ways = [e for e in watch.events if isinstance(e, KeyMoved)]
    operations = [e.operation for e in watch.events if isinstance(e, CcbOperation)]
    assert operations == ["ECC_SCALAR_MUL_BLOB_USE", "ECDSA_SIGN_BLOB_USE"]
    assert ways == 2 * [
        KeyMoved("private key", "CPU", "SAES", CPU_BUS, clear=False),
        KeyMoved("private key", "SAES", "PKA RAM", PRIVATE_BUS, clear=True),
    ]


def test_no_function_of_the_platform_takes_or_gives_the_key() -> None:
    """What firmware says to the hardware and hears of it, from power-on to a token, every byte of it."""
    device = make_device()
    hal, heard = device.hardware.hal, list[tuple[str, bytes]]()

    def listening(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            answer = function(*arguments)
            heard.extend((name, part) for part in (*arguments, answer) if isinstance(part, bytes))
            return answer

        return call

    for name in HAL_FUNCTIONS:
        vars(hal)[name] = listening(name, getattr(hal, name))
    with device.power_on():
        device.psa.initial_attestation.get_token(CHALLENGE)
    assert {"HAL_CCB_ECDSA_Sign", "HAL_CCB_ECDSA_ComputePublicKey"} <= {name for name, _ in heard}
    root = bytes(device.hardware.flash[SECRETS].cells[:32])
    for secret in (*private_keys(device.hardware).values(), root):
        assert not [name for name, part in heard if secret in part or secret[::-1] in part]


def visible_bytes(device: Device) -> Iterator[tuple[str, bytes]]:
    """Everything that some CPU has an address for, and every lasting memory but the chip's secrets."""
    for region in device.hardware.memory.regions:
        yield region.name, bytes(region.backing)
    for name, flash in device.hardware.flash.items():
        if name != SECRETS:
            yield name, bytes(flash.cells)
    yield "otp", bytes(device.hardware.otp)


def test_the_private_key_is_nowhere_that_software_can_look() -> None:
    with make_device().power_on() as device:
        device.psa.initial_attestation.get_token(CHALLENGE)
        keys = private_keys(device.hardware)
        assert all(any(key) and key != b"\xff" * 32 for key in keys.values())
        root = bytes(device.hardware.flash[SECRETS].cells[:32])
        for name, data in visible_bytes(device):
            for secret in (*keys.values(), root):
                assert not [form for form in forms_of(secret) if form in data], name
        # The search finds what is there: the wrapped key is in flash, and so is its certificate.
        blob = device.hardware.hal.stm32_wrapped_dua_key(LU)
        assert any(blob in data for _, data in visible_bytes(device))


def forms_of(secret: bytes) -> tuple[bytes, ...]:
    """The ways that some bus or some text could carry it."""
    words = b"".join(secret[i : i + 4][::-1] for i in range(0, len(secret), 4))
    return secret, secret[::-1], words, words[::-1], secret.hex().encode()


def processes_below(parent: int) -> Iterator[int]:
    """Children of a process and theirs."""
    for entry in Path("/proc").iterdir() if HAS_PROC else ():
        with suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(entry.name)
                yield from processes_below(int(entry.name))


def memory_of(process: int) -> Iterator[bytes]:
    """Every mapping of a process that can be read."""
    with Path(f"/proc/{process}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            area, rights = line.split()[:2]
            start, end = (int(part, 16) for part in area.split("-"))
            with suppress(OSError, OverflowError, ValueError):
                if rights.startswith("rw"):
                    memory.seek(start)
                    yield memory.read(end - start)


@pytest.mark.parametrize("level", [2, 3])
def test_no_process_of_a_partition_and_no_event_has_the_key(level: int) -> None:
    """The crypto service's process has the wrapped key; the bridge and its secrets are the device's."""
    watch = Watch()
    with make_device(listeners=[watch], spm=SpmConfig(isolation_level=level)).power_on() as device:
        device.psa.initial_attestation.get_token(CHALLENGE)
        wrapped = device.hardware.hal.stm32_wrapped_dua_key(LU)[0x50:]
        memory = [block for process in processes_below(os.getpid()) for block in memory_of(process)]
    told = "\n".join(map(repr, watch.events)).encode() + b"".join(bytes_in(watch.events))
    assert b"KeyMoved" in told
    root = bytes(device.hardware.flash[SECRETS].cells[:32])
    for secret in (*private_keys(device.hardware).values(), root):
        forms = (*forms_of(secret), repr(secret).encode())
        assert not [form for form in forms for block in (*memory, told) if form in block]
    # At level 3 the search finds what is there.
    assert any(wrapped in block for block in memory) == (level == 3 and HAS_PROC)


def bytes_in(value: object) -> Iterator[bytes]:
    """All bytes in an event, those that its text leaves out as well."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from bytes_in(part)
    elif is_dataclass(value):
        for part in fields(value):
            yield from bytes_in(getattr(value, part.name))


def test_non_secure_software_reads_no_secret_and_writes_no_certificate() -> None:
    with make_device().power_on() as device:
        before = device.ns.cpu.load(0x0BF9FC00, 512)
        assert device.ns_flash.read(0x0BF9FC00, 512) == before
        by_software = r"flash system_flash: .* by software; legal: by the factory"
        with pytest.raises(FlashError, match=by_software):
            device.ns_flash.program(0x0BF9FC00, bytes(512))
        with pytest.raises(FlashError, match=by_software):
            device.ns_flash.erase(0x0BF9FC00, 512)
        with pytest.raises(DevicePanic):
            device.ns.cpu.store(0x0BF9FC00, b"\0")
        device.reset()
        assert device.ns.cpu.load(0x0BF9FC00, 512) == before
        with pytest.raises(DevicePanic):
            device.ns.cpu.load(0x0C004000, 4)  # the blobs are the secure side's


def import_as_client(device: Device, blob: bytes) -> int:
    """The document's step 1 done by a non-secure program."""
    attributes = KeyAttributes(
        PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1),
        256,
        LIFETIME,
        PSA_KEY_USAGE_SIGN_HASH,
        PSA_ALG_ECDSA(PSA_ALG_SHA_256),
        id=PSA_KWE_ECC_KEY_ID_DUA_USER_LU,
    )
    return crypto.psa_import_key(device.ns, attributes, blob)[0]


def test_a_client_may_sign_with_the_wrapped_key_itself() -> None:
    """As ST's example does; the id is the client's own, beside that of the attestation service."""
    with make_device().power_on() as device:
        device.psa.initial_attestation.get_token(CHALLENGE)
        assert import_as_client(device, export_wrapped_key(device.hardware, LU)) == PSA_SUCCESS
        status, point = crypto.psa_export_public_key(device.ns, PSA_KWE_ECC_KEY_ID_DUA_USER_LU, 65)
        assert status == PSA_SUCCESS
        numbers = certificate_key(device, LU).public_numbers()
        assert point == b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def test_the_key_outlives_a_reset_in_storage() -> None:
    watch = Watch()
    device = make_device(listeners=[watch])
    with device.power_on():
        device.psa.initial_attestation.get_token(CHALLENGE)
        device.reset()
        watch.events.clear()
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        # Asked for once a boot, it is there already; the blob in storage is the one that signs.
        assert watch.requests().count("psa_import_key") == 1
        assert verify(token, load_key(certificate_key(device, LU)), challenge=CHALLENGE).ok


def broken_device(blob: bytes) -> Device:
    device = make_device()
    install_wrapped_key(device.hardware, LU, blob)
    return device.power_on()


def foreign_blob() -> bytes:
    other = make_hardware(seed=99)
    assert other.chip is not None
    other.chip.make_key(LU)
    return export_wrapped_key(other, LU)


def altered_blob(at: int) -> bytes:
    blob = bytearray(make_device().hardware.hal.stm32_wrapped_dua_key(LU))
    blob[at] ^= 0x80
    return bytes(blob)


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(foreign_blob(), id="another chip's"),
        pytest.param(altered_blob(0x0C), id="IV"),
        pytest.param(altered_blob(0x18), id="tag"),
        pytest.param(altered_blob(0x50), id="ciphertext"),
        pytest.param(export_wrapped_key(make_device().hardware, LU, secure=False), id="non-secure side's"),
    ],
)
def test_no_token_with_a_blob_that_the_chip_cannot_open(blob: bytes) -> None:
    with broken_device(blob) as device:
        with pytest.raises(PsaError) as error:
            device.psa.initial_attestation.get_token(CHALLENGE)
        assert error.value.status == PSA_ERROR_GENERIC_ERROR


def test_the_other_key_of_the_chip_is_found_out_by_its_certificate() -> None:
    """ST's example compares the public keys for this; a verifier does it with the token."""
    device = make_device()
    blob = device.hardware.hal.stm32_wrapped_dua_key(FU)
    install_wrapped_key(device.hardware, LU, blob)
    with device.power_on():
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        assert not verify(token, load_key(certificate_key(device, LU)), challenge=CHALLENGE).ok
        assert verify(token, load_key(certificate_key(device, FU)), challenge=CHALLENGE).ok


def test_a_chip_that_was_in_no_factory_has_no_token() -> None:
    build = with_key_wrap_engine(Build(bl2=bl2_config_for(load_board(BOARD))))
    device = Device(BOARD, build=build)
    flash_demo_firmware(device)
    with device.power_on():
        with pytest.raises(PsaError) as error:
            device.psa.initial_attestation.get_token(CHALLENGE)
        assert error.value.status == PSA_ERROR_GENERIC_ERROR
        # The rest of the device works; nobody looks whether system flash holds a certificate.
        assert UTIL_CERT_GetCertificate(device.ns.cpu, LU)[0] == CertStatus.OK


BASE = Build(bl2=bl2_config_for(load_board(BOARD)))
SYMMETRIC = AttestationConfig(symmetric=True)
OF_2019 = AttestationConfig(variant=TokenVariant.TFM_2019)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (replace(BASE, attestation=AttestationConfig(wrapped_dua_key=LU)), "without its or the engine"),
        (replace(with_key_wrap_engine(BASE), its=None, ps=None), "without its or the engine"),
        (with_key_wrap_engine(replace(BASE, attestation=SYMMETRIC)), "symmetric or of 2019; legal: ECDSA"),
        (with_key_wrap_engine(replace(BASE, attestation=OF_2019)), "symmetric or of 2019; legal: ECDSA"),
    ],
)
def test_builds_that_cannot_be(build: Build, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        Device(BOARD, build=build)


def test_ids_of_the_two_keys() -> None:
    """ST's example keeps the last two ids for them."""
    assert (PSA_KWE_ECC_KEY_ID_DUA_USER_FU, PSA_KWE_ECC_KEY_ID_DUA_USER_LU) == (0x3FFFFFFE, 0x3FFFFFFF)
