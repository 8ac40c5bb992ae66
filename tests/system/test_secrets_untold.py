"""Nothing that a device writes down has a key, a plaintext or an asset in it."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from io import StringIO
from typing import TextIO

import pytest

import tfm_sim
from tfm_sim import SpmConfig
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.trace import Event
from tfm_sim.platform.provisioning import DUMMY
from tfm_sim.tools.console import story
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
