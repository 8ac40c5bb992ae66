"""attestation-vectors.json: tokens of public verifiers and of TF-M, with the verdict that each deserves."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import cbor2
from support.ipc_test_services import IpcTestPartition
from support.kernel_bench import a_manifest, a_service
from support.recordings.case import Case, Recorded, not_yet
from support.recordings.firmware import start_firmware
from support.recordings.software import boot_status_of

from tfm_sim.interface.psa.initial_attestation import psa_initial_attest_get_token
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.provisioning import DUMMY, DUMMY_IAK_ID, Provisioning
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.manifest_file import parse_manifest
from tfm_sim.tools.verifier import Kind, SignatureState, verify

MAC0_TAG = 17
KEY_ID_HEADER = 4
TOKEN_ROOM = 0x400
ANY_KEY = "iatv-p256"

REASONS: tuple[tuple[str, frozenset[Kind]], ...] = (
    ("short-circuit", frozenset({Kind.SHORT_CIRCUIT})),
    ("no alg", frozenset({Kind.ALG_MISSING})),
    ("alg", frozenset({Kind.ALG_MISSING, Kind.ALG_UNPROTECTED, Kind.ALG_UNSUPPORTED, Kind.ALG_MISMATCH})),
    ("profile claim", frozenset({Kind.PROFILE_NOT_TEXT, Kind.PROFILE_MISSING, Kind.PROFILE_UNKNOWN})),
    (
        "profile",
        frozenset({Kind.PROFILE_STRING, Kind.PROFILE_UNKNOWN, Kind.PROFILE_MISSING, Kind.PROFILE_PAIRING}),
    ),
    ("binding", frozenset({Kind.BINDING_MISMATCH, Kind.BINDING_HASH})),
    ("signature", frozenset({Kind.SIGNATURE_INVALID, Kind.SIGNATURE_LENGTH})),
    ("nonce", frozenset({Kind.NONCE_MISMATCH, Kind.CLAIM_LENGTH})),
    ("tag", frozenset({Kind.TAG_MISSING, Kind.TAG_WRONG, Kind.TAG_EXTRA})),
    ("duplicate", frozenset({Kind.DUPLICATE_KEY})),
    ("trailing", frozenset({Kind.TRAILING_BYTES})),
    ("indefinite", frozenset({Kind.INDEFINITE_LENGTH})),
    ("missing", frozenset({Kind.CLAIM_MISSING})),
    ("truncated", frozenset({Kind.MALFORMED_CBOR})),
    ("malformed", frozenset({Kind.MALFORMED_CBOR, Kind.ENVELOPE_SHAPE, Kind.COLLECTION_SHAPE})),
    ("length", frozenset({Kind.CLAIM_LENGTH, Kind.SIGNATURE_LENGTH})),
)
"""Words of a recorded refusal, the more particular first, and the findings of which we must make one."""


def vector_cases(recording: Recorded) -> Iterator[Case]:
    keys: Recorded = recording["keys"]
    for vector in recording["vectors"]:
        yield Case(vector["name"], partial(_verdict, vector, keys))
        if vector["name"].startswith("derived-"):
            yield Case(f"{vector['name']}: made anew", partial(_made_anew, vector, keys))


def key_of(name: str, keys: Recorded) -> bytes:
    """A vector without a key is judged under any."""
    entry = keys[ANY_KEY if name == "none" else name]
    return bytes.fromhex(entry["pub_uncompressed_hex"] if entry["kind"] == "EC" else entry["hex"])


def _verdict(vector: Recorded, keys: Recorded) -> None:
    token, key = bytes.fromhex(vector["token_hex"]), key_of(vector["key"], keys)
    expected: str = vector["expected"]
    assert len(token) == vector["token_len"]
    verdict = verify(token, key)
    if expected.startswith("ACCEPT"):
        assert verdict.ok, verdict.reasons
        assert verdict.signature is SignatureState.VALID
        if "strict" in expected and "REJECT" in expected:
            strict = verify(token, key, strict=True)
            assert strict.kinds() & _kinds(expected.partition("REJECT")[2])
    elif expected.startswith("REJECT"):
        assert not verdict.ok
        kinds = _kinds(expected)
        if not kinds:
            not_yet(f"refused, but the recorded reason has no finding to compare: {expected!r}")
        assert verdict.kinds() & kinds, verdict.reasons
    else:
        not_yet(f"unknown verdict {expected!r}")


def _kinds(text: str) -> frozenset[Kind]:
    return next((kinds for words, kinds in REASONS if words in text), frozenset())


LEGACY = {"nonce": -75008, "profile": -75000, "client": -75001, "components": -75006, "service": -75010}
EAT = {"nonce": 10, "profile": 265, "client": 2394, "components": 2399, "service": 2400}
HASH_ALGORITHM = 2402
DRAFT_BOOT_SEED = 2397


def _made_anew(vector: Recorded, keys: Recorded) -> None:
    """The same inputs, taken out of the payload, through the attestation partition: the same payload."""
    token = bytes.fromhex(vector["token_hex"])
    message = cbor2.loads(token)
    payload: bytes = message.value[2]
    claims: dict[int, Any] = cbor2.loads(payload)
    labels = LEGACY if LEGACY["nonce"] in claims else EAT
    iak = _private_key(keys[vector["key"]])
    mac = message.tag == MAC0_TAG
    made = _issue(claims, labels, iak, mac, KEY_ID_HEADER in message.value[1])
    assert len(made) == vector["token_len"]
    ours = cbor2.loads(made)
    assert (ours.tag, ours.value[0], ours.value[1]) == (message.tag, message.value[0], message.value[1])
    if mac and not _has_symmetric_identity(claims, iak):
        # Whoever made this vector kept the instance id of the public key; only such a build shows it.
        ours = cbor2.loads(_issue(claims, labels, iak, False, False))
    assert ours.value[2].hex() == payload.hex()


def _private_key(entry: Recorded) -> bytes:
    if "priv_hex" not in entry and entry["kind"] == "EC":
        not_yet("the private key of the vector is not at hand")
    return bytes.fromhex(entry["hex"] if entry["kind"] != "EC" else entry["priv_hex"])


def _has_symmetric_identity(claims: dict[int, Any], iak: bytes) -> bool:
    return b"\x01" + sha256(sha256(iak).digest()).digest() in claims.values()


def _issue(claims: dict[int, Any], labels: dict[str, int], iak: bytes, mac: bool, key_id: bool) -> bytes:
    client_id = claims.get(labels["client"], -0x3C000000)
    components = claims.get(labels["components"])
    algorithm = claims.get(HASH_ALGORITHM)
    firmware = start_firmware(
        _config(claims, labels, mac, key_id),
        boot_status_of([cbor2.dumps(component) for component in components]) if components else None,
        _provisioning(claims, labels, iak, mac, key_id),
        extra=_caller(client_id) if client_id > 0 else (),
        platform={"tfm_attest_hal_get_platform_hash_algo": algorithm.encode} if algorithm else None,
    )
    challenge = claims[labels["nonce"]]
    status, token = psa_initial_attest_get_token(firmware.client(client_id), challenge, TOKEN_ROOM)
    assert status == 0
    return token


def _config(claims: dict[int, Any], labels: dict[str, int], mac: bool, key_id: bool) -> AttestationConfig:
    drafted = DRAFT_BOOT_SEED in claims or str(claims[labels["profile"]]).startswith("http://arm.com/")
    variant = TokenVariant.PSA_IOT_PROFILE_1
    if labels is EAT and HASH_ALGORITHM in claims:
        variant = TokenVariant.CCA_1_0_0 if drafted else TokenVariant.CCA_2023
    elif labels is EAT:
        variant = TokenVariant.PSA_2_0_0 if drafted else TokenVariant.RFC_9783
    return AttestationConfig(
        variant=variant,
        optional_claims=labels["service"] in claims,
        cose_key_id=key_id,
        symmetric=mac,
    )


def _provisioning(
    claims: dict[int, Any], labels: dict[str, int], iak: bytes, mac: bool, key_id: bool
) -> Provisioning:
    """TF-M's dummy values, with the key and the texts of the vector."""
    return replace(
        DUMMY,
        iak=iak,
        iak_type=IakType.HMAC if mac else IakType.SECP_R1,
        iak_id=DUMMY_IAK_ID if key_id else b"",
        verification_service_url=str(claims.get(labels["service"], "")).encode(),
    )


def _caller(partition_id: int) -> tuple[PartitionBuild, ...]:
    """A partition of this id that may call the attestation service."""
    text = a_manifest(
        "TFM_SP_CALLER", [a_service("CALLER", 0xF0FF)], dependencies="[TFM_ATTESTATION_SERVICE]"
    )
    return (PartitionBuild(parse_manifest(text, "caller.yaml"), partition_id, IpcTestPartition),)
