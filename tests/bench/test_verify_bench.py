"""What a whole verdict costs (`make bench`) beside the least that can be done: decode once, verify once.

The bare work is one CBOR decode by cbor2, which is written in C, of the message and of its payload, and one
bare ECDSA verification of the same bytes; of a collection two of each. Only ratios within one run are
asserted, with room for a busy machine: the aim is 2.5.
"""

import json
import timeit
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pytest_benchmark.fixture import BenchmarkFixture

from tfm_sim.tools.verifier import EcKey, TrustAnchor, TrustStore, load_key, verify

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "recordings" / "attestation-vectors.json").read_text()
)
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}
HASHES: dict[int, hashes.HashAlgorithm] = {32: hashes.SHA256(), 48: hashes.SHA384()}


def ec_key(name: str) -> EcKey:
    key = load_key(VECTORS["keys"][name]["pub_uncompressed_hex"])
    assert isinstance(key, EcKey)
    return key


def bare_verification(message: Any, key: EcKey) -> Callable[[], object]:
    """One ECDSA verification, all its inputs made before."""
    protected, _, payload, signature = message.value
    size = len(signature) // 2
    r, s = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    arguments = (encode_dss_signature(r, s), signed, ec.ECDSA(HASHES[size]))
    return lambda: key.public.verify(*arguments)


PSA = TOKENS["derived-p2_268"]
DUMMY = ec_key("tfm-dummy-iak")


def psa() -> tuple[Callable[[], object], Callable[[], object]]:
    check = bare_verification(cbor2.loads(PSA), DUMMY)

    def bare() -> None:
        cbor2.loads(cbor2.loads(PSA).value[2])
        check()

    assert verify(PSA, DUMMY).ok
    return lambda: verify(PSA, DUMMY), bare


def psa_by_store() -> tuple[Callable[[], object], Callable[[], object]]:
    """The key found among a thousand devices'."""
    claims = cbor2.loads(cbor2.loads(PSA).value[2])
    others = [TrustAnchor(number.to_bytes(32, "big"), b"\x01" + bytes(32), DUMMY) for number in range(999)]
    store = TrustStore([*others, TrustAnchor(claims[2396], claims[256], DUMMY)])
    assert verify(PSA, store).ok
    return lambda: verify(PSA, store), psa()[1]


def cca() -> tuple[Callable[[], object], Callable[[], object]]:
    token, key = TOKENS["ccatoken-testGoodCCAToken"], ec_key("ccatoken-testIAK")
    parts = [cbor2.loads(cbor2.loads(token).value[label][1]) for label in (44234, 44241)]
    checks = [
        bare_verification(part, by) for part, by in zip(parts, (key, ec_key("ccatoken-testRAK")), strict=True)
    ]

    def bare() -> None:
        message = cbor2.loads(token)
        for label, check in zip((44234, 44241), checks, strict=True):
            cbor2.loads(cbor2.loads(message.value[label][1]).value[2])
            check()

    assert verify(token, key).ok
    return lambda: verify(token, key), bare


SUBJECTS = [
    ("RFC 9783", psa, 3.2),
    ("RFC 9783 by a trust store", psa_by_store, 3.3),
    ("CCA collection", cca, 2.5),
]
NAMES = [name for name, *_ in SUBJECTS]


def best(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds a call, the best of many short batches in turn."""
    rounds = [[timeit.timeit(call, number=10) for call in calls] for _ in range(150)]
    return [min(times) / 10 for times in zip(*rounds, strict=True)]


@pytest.mark.parametrize("make", [row[1] for row in SUBJECTS], ids=NAMES)
def test_speed(
    make: Callable[[], tuple[Callable[[], object], Callable[[], object]]], benchmark: BenchmarkFixture
) -> None:
    benchmark(make()[0])


@pytest.mark.parametrize(("name", "make", "most"), SUBJECTS, ids=NAMES)
def test_ratio_to_the_bare_work(
    name: str, make: Callable[[], tuple[Callable[[], object], Callable[[], object]]], most: float
) -> None:
    measured, floor = best(make())
    print(
        f"\n{name}: {measured * 1e6:.0f} us = {measured / floor:.2f} x the bare work "
        f"({floor * 1e6:.0f} us), {1 / measured:.0f} tokens/s"
    )
    assert measured / floor < most
