"""Nothing that a device writes down has a key, a plaintext or an asset in it."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from io import StringIO
from typing import TextIO

import pytest
from support.delegated_attestation import R1, get_key, public_hash, seed_of_huk
from support.hostile_attestation import delegated

import tfm_sim
from tfm_sim import AttestationConfig, Bl1Config, Build, Device, SpmConfig, TokenVariant, bl2_config_for
from tfm_sim.bootloader.rse_keys import RseState, TpMode
from tfm_sim.firmware_build import dummy_provisioning, with_token_variant
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.trace import Event
from tfm_sim.partitions.initial_attestation.config import SignatureOf2019
from tfm_sim.platform.kmu import KmuSlot
from tfm_sim.platform.plat_err import PlatError
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.tools.console import story
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.trace import JsonLinesTrace, MermaidTrace, PerfettoTrace, TextTrace, TraceWriter

KEY = b"my key, untold!!"
PLAINTEXT = b"attack at dawn, as agreed"
ASSET = b"what lies in storage"
SECRETS = {"key": KEY, "plaintext": PLAINTEXT, "asset": ASSET, "HUK": DUMMY.huk[:16], "IAK": DUMMY.iak}
AES = KeyAttributes(
    v.PSA_KEY_TYPE_AES,
    lifetime=v.PSA_KEY_LIFETIME_PERSISTENT,
    usage=v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT | v.PSA_KEY_USAGE_EXPORT,
    alg=v.PSA_ALG_GCM,
    id=7,
)
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)


class StoryWriter(TraceWriter):
    """What `tfm-sim run` says."""

    def _hear(self, event: Event) -> None:
        self._sink.writelines(f"{line}\n" for line in story(event, decisions=True))


def in_any_form(secret: bytes) -> Iterator[str]:
    """Beginnings of a secret as it would be printed."""
    yield secret[:8].hex()
    yield secret[:8].hex().upper()
    yield secret[:8].hex(" ")
    yield repr(secret[:8])[2:-1]
    yield ", ".join(map(str, secret[:8]))
    yield b64encode(secret[:9]).decode()


def use_everything(device: tfm_sim.Device) -> None:
    crypto = device.psa.crypto
    crypto.import_key(AES, KEY)
    sealed = crypto.aead_encrypt(7, v.PSA_ALG_GCM, bytes(12), PLAINTEXT)
    assert crypto.aead_decrypt(7, v.PSA_ALG_GCM, bytes(12), sealed) == PLAINTEXT
    assert crypto.export_key(7) == KEY
    with crypto.key_derivation(HKDF) as kdf:
        kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_SECRET, KEY)
        kdf.input_bytes(v.PSA_KEY_DERIVATION_INPUT_INFO, b"")
        kdf.output_bytes(16)
    for storage in (device.psa.internal_trusted_storage, device.psa.protected_storage):
        storage.set(1, ASSET)
        assert storage.get(1) == ASSET
    device.psa.initial_attestation.get_token(bytes(32))


@pytest.mark.parametrize("isolation_level", [1, 3])
@pytest.mark.parametrize("writer", [TextTrace, JsonLinesTrace, PerfettoTrace, MermaidTrace, StoryWriter])
def test_no_writer_tells_a_secret(writer: Callable[[TextIO], TraceWriter], isolation_level: int) -> None:
    sink = StringIO()
    build = tfm_sim.Build(spm=SpmConfig(isolation_level=isolation_level))
    with writer(sink) as listener, tfm_sim.boot(build=build, listeners=[listener]) as device:
        use_everything(device)
    told = sink.getvalue()
    assert "TFM_SP_PS" in told
    for name, secret in SECRETS.items():
        for form in in_any_form(secret):
            assert form not in told, name


WRITERS: tuple[Callable[[TextIO], TraceWriter], ...] = (
    TextTrace,
    JsonLinesTrace,
    PerfettoTrace,
    MermaidTrace,
    StoryWriter,
)
RSE = tfm_sim.load_board("an521_bl1")
OF_RSE = replace(
    delegated(spm=SpmConfig(isolation_level=3)),
    bl2=replace(bl2_config_for(RSE), store_encoded_measurements=False),
    bl1=Bl1Config(rse=RseState(TpMode.PCI, reprovisioning_bits=5)),
)
OF_2019 = AttestationConfig(TokenVariant.TFM_2019, signature_of_2019=SignatureOf2019.ES256)
ATTESTING = {
    "delegated": ("an521", delegated()),
    "delegated on an RSE": ("an521_bl1", OF_RSE),
    "2019": ("an521", Build(attestation=OF_2019)),
    "symmetric": ("an521", Build(attestation=AttestationConfig(symmetric=True, cose_key_id=True))),
    "MM-IOVEC": ("an521", Build(attestation=AttestationConfig(mm_iovec=True))),
    "CCA": ("an521", delegated(attestation=AttestationConfig(TokenVariant.CCA_2023))),
}


def attest_in_every_way(device: Device) -> dict[str, bytes]:
    """What is asked succeeds and fails; the delegated keys are what comes back."""
    if device.build.attestation.variant is TokenVariant.TFM_2019:
        assert device.psa.initial_attestation_2019.get_token(bytes(32))
        return {}
    assert device.psa.initial_attestation.get_token(bytes(32))
    with pytest.raises(tfm_sim.PsaError):
        device.psa.initial_attestation.get_token(bytes(33))
    if device.build.delegated_attestation is None:
        return {}
    calls = device.tfm.delegated_attestation
    keys = {f"DAK {bits}": calls.get_delegated_key(R1, bits, v.PSA_ALG_SHA_256) for bits in (256, 384, 521)}
    assert get_key(device.ns, 255)[0] != 0
    with pytest.raises(tfm_sim.PsaError):
        calls.get_token(bytes(32))
    assert calls.get_token(public_hash(keys["DAK 521"], 521))
    return keys


def slots_of_kmu(device: Device) -> Iterator[tuple[str, bytes]]:
    for slot in KmuSlot:
        try:
            yield f"KMU {slot.name}", device.hardware.kmu.get_key(slot)
        except PlatError:
            continue  # no boot stage filled it


@pytest.mark.parametrize("kind", ATTESTING)
def test_no_writer_tells_a_key_of_attestation(kind: str) -> None:
    name, build = ATTESTING[kind]
    board = tfm_sim.load_board(name)
    provisioning = dummy_provisioning(build)
    secrets = {"IAK": provisioning.iak, "HUK": provisioning.huk[:16], "seed": seed_of_huk(provisioning.huk)}
    sinks = [StringIO() for _ in WRITERS]
    with ExitStack() as stack:
        listeners = [stack.enter_context(writer(sink)) for writer, sink in zip(WRITERS, sinks, strict=True)]
        told: list[Event] = []
        device = Device(
            board,
            build=with_token_variant(build),
            provisioning=provisioning,
            listeners=[*listeners, told.append],
        )
        flash_demo_firmware(device)
        with device.power_on():
            secrets |= attest_in_every_way(device)
            secrets |= dict(slots_of_kmu(device))
            shown = f"{device!r} {device.build!r} {provisioning!r}"
    assert kind != "delegated on an RSE" or "KMU DAK_SEED" in secrets
    text = "".join([*(sink.getvalue() for sink in sinks), shown, *map(repr, told), *map(str, told)])
    for name, secret in secrets.items():
        for form in in_any_form(secret.removeprefix(b"\0")):
            assert form not in text, name
