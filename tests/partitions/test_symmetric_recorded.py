"""Hashes, MACs and ciphers beside TF-PSA-Crypto 1.0.0: recorded calls, their statuses and outputs.

A line of the data is a key (type, material, usage, algorithm) or null, and calls in order: the function, its
arguments (bytes in hexadecimal, a number last is the room for the output), the status and the output. They
were drawn at random and end with the first call that fails. Calls whose answer is ours on purpose are not
among them: modes that only we have, and the IV lengths that PSA Crypto leaves open.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.partition_bench import start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import EVERYTHING

DATA = Path(__file__).parents[1] / "data" / "symmetric_calls.txt"
SEQUENCES = [json.loads(line) for line in DATA.read_text().splitlines()]
OPERATIONS: dict[str, Callable[[], Any]] = {
    "hash": psa_hash_operation_t,
    "mac": psa_mac_operation_t,
    "cipher": psa_cipher_operation_t,
}
AT_ONCE = ("hash_compute", "mac_compute", "mac_verify", "cipher_decrypt")
CHUNK = 50


@pytest.fixture(scope="module")
def client() -> PsaClient:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING)).ns


def test_the_record_has_every_status_of_the_groups() -> None:
    statuses = {step[-2] for _, steps in SEQUENCES for step in steps}
    assert statuses == {0, -133, -134, -135, -137, -138, -149, -150}


@pytest.mark.parametrize("start", range(0, len(SEQUENCES), CHUNK))
def test_recorded_calls(client: PsaClient, start: int) -> None:
    for line, (key, steps) in enumerate(SEQUENCES[start : start + CHUNK], start + 1):
        key_id = 0
        if key is not None:
            key_type, material, usage, alg = key
            attributes = KeyAttributes(key_type, usage=usage, alg=alg)
            status, key_id = crypto.psa_import_key(client, attributes, bytes.fromhex(material))
            assert status == PSA_SUCCESS
        kind = steps[0][0].split("_")[0]
        operation = OPERATIONS[kind]()
        for name, *arguments, status, output in steps:
            found = _call(client, name, operation, key_id, arguments)
            wanted = (status, bytes.fromhex(output)) if isinstance(found, tuple) else status
            assert found == wanted, f"line {line}: {name}"
        getattr(crypto, f"psa_{kind}_abort")(client, operation)
        crypto.psa_destroy_key(client, key_id)


def _call(client: PsaClient, name: str, operation: Any, key: int, arguments: list[Any]) -> Any:
    """psa_``name`` with the operation or the key in front, where it takes them."""
    function = getattr(crypto, f"psa_{name}")
    plain = [bytes.fromhex(item) if isinstance(item, str) else item for item in arguments]
    subject = [] if name in AT_ONCE else [operation]
    keys = [key] if "setup" in name or name in AT_ONCE else []
    return function(client, *subject, *([] if name.startswith("hash") else keys), *plain)
