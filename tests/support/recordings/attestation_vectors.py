"""attestation-vectors.json: tokens of public verifiers and of TF-M, with the verdict that each deserves."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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

OF_TF_M = ("derived-", "psatoken-tfm-")
"""Vectors with TF-M's claims in TF-M's order, by the beginning of their names."""
OPTION_WORD = slice(0, 4)
"""Of a challenge to test code, whose other bytes are zero."""

SIGNATURE = frozenset({Kind.SIGNATURE_INVALID, Kind.SIGNATURE_LENGTH})
CLAIM = frozenset(
    {Kind.CLAIM_MISSING, Kind.CLAIM_TYPE, Kind.CLAIM_LENGTH, Kind.CLAIM_VALUE, Kind.CLAIM_CONFLICT}
)
TAG = frozenset({Kind.TAG_MISSING, Kind.TAG_WRONG, Kind.TAG_EXTRA})
PROFILE = frozenset({Kind.PROFILE_STRING, Kind.PROFILE_UNKNOWN, Kind.PROFILE_MISSING, Kind.PROFILE_NOT_TEXT})
BINDING = frozenset({Kind.BINDING_MISMATCH, Kind.BINDING_HASH})
SHAPE = frozenset({Kind.ENVELOPE_SHAPE, Kind.COLLECTION_SHAPE})
ALGORITHM = frozenset({Kind.ALG_MISSING, Kind.ALG_UNPROTECTED, Kind.ALG_UNSUPPORTED, Kind.ALG_MISMATCH})
CBOR = frozenset(
    {Kind.MALFORMED_CBOR, Kind.INDEFINITE_LENGTH, Kind.TRAILING_BYTES, Kind.DUPLICATE_KEY, Kind.INVALID_UTF8}
)

REASONS: tuple[tuple[str, frozenset[Kind]], ...] = (
    (r"short.?circuit|fake|hash ?\|\| ?hash|h\|\|h", frozenset({Kind.SHORT_CIRCUIT})),
    (r"no alg|alg (is )?(absent|missing)|without alg|empty protected", frozenset({Kind.ALG_MISSING})),
    (r"unprotected.*\balg|\balg.*unprotected", frozenset({Kind.ALG_UNPROTECTED, Kind.ALG_MISSING})),
    (r"confus|wrong alg|alg\w* (swap|mismatch|of another)|another alg", ALGORITHM | SIGNATURE | TAG),
    (r"unsupported|unknown alg", ALGORITHM),
    (r"\bcrit", frozenset({Kind.HEADER_CRITICAL})),
    (r"both (header )?buckets|both headers", frozenset({Kind.HEADER_REPEATED})),
    (r"\bkid\b|key id", frozenset({Kind.KEY_ID})),
    (r"duplicate|repeated|twice", frozenset({Kind.DUPLICATE_KEY, Kind.TAG_EXTRA, Kind.HEADER_REPEATED})),
    (r"trailing|bytes? behind|bytes? after|appended", frozenset({Kind.TRAILING_BYTES})),
    (r"indefinite", frozenset({Kind.INDEFINITE_LENGTH})),
    (r"truncat|cut (off|short)|not well.?formed", CBOR | SHAPE | SIGNATURE),
    (r"utf-?8", frozenset({Kind.INVALID_UTF8})),
    (r"detached|nil payload|null payload|empty payload", SHAPE),
)
"""Patterns that settle what a recorded refusal is about, the more particular first, and our findings."""

HINTS: tuple[tuple[str, frozenset[Kind]], ...] = (
    (r"\bpair", frozenset({Kind.PROFILE_PAIRING})),
    (r"profile.*(bstr|bytes|not (a )?(text|tstr))", frozenset({Kind.PROFILE_NOT_TEXT})),
    (r"profile|http string", PROFILE | {Kind.PROFILE_PAIRING}),
    (
        r"bound|binding|binder|\brak\b.*hash|hash.*\brak\b|44240",
        BINDING | {Kind.CLAIM_VALUE, Kind.CLAIM_MISSING},
    ),
    (r"\brak\b|realm (public )?key|44237", frozenset({Kind.RAK_INVALID, *SIGNATURE, *BINDING, *CLAIM})),
    (
        r"nonce (mismatch|differs|replay)|replay|stale|challenge (mismatch|differs)",
        frozenset({Kind.NONCE_MISMATCH}),
    ),
    (r"nonce|challenge", frozenset({Kind.NONCE_MISMATCH, *CLAIM, *BINDING})),
    (r"both.*(component|measurement)|(-75006|components).*(-75007|no.?(sw|software))", CLAIM),
    (
        r"foreign|another profile|2397|268",
        frozenset({Kind.CLAIM_UNKNOWN, Kind.CLAIM_FOREIGN, *CLAIM, *PROFILE}),
    ),
    (r"unknown claim|unexpected claim|not in profile|extra claim", frozenset({Kind.CLAIM_UNKNOWN})),
    (r"shortest|preferred|non-minimal|canonical", frozenset({Kind.NON_PREFERRED})),
    (r"(no|wrong|missing|extra|stripped|cwt|without) (cbor |its )?tag|untagged", TAG | SHAPE | ALGORITHM),
    (r"tag(ged|s)?\b.*(61|missing|wrong|extra|strip|absent)", TAG | SHAPE | ALGORITHM),
    (
        r"missing|absent|lacks|without|omit|removed|dropped|no (sw|software)",
        CLAIM | SHAPE | {Kind.RAK_INVALID, *PROFILE},
    ),
    (
        r"der[- ](encoded )?sig|signature (length|size)|sig\w* (too )?(short|long)",
        frozenset({Kind.SIGNATURE_LENGTH}),
    ),
    (
        r"key (swap|mismatch)|(wrong|other|another|different) (\w+ )?key|not (signed|verif)",
        SIGNATURE | ALGORITHM,
    ),
    (r"tamper|forged|flip|modified|altered", SIGNATURE | ALGORITHM | CBOR),
    (r"signature|\bsig\b|\bmac\b", SIGNATURE),
    (r"hmac|\bes(256|384|512)|p-?(256|384|521)", ALGORITHM | SIGNATURE),
    (r"component", CLAIM),
    (
        r"lifecycle|client.?id|implementation.?id|boot.?seed|certification|hw.?version|ueid|signer|measurement",
        CLAIM,
    ),
    (r"instance.?id", CLAIM | {Kind.INSTANCE_ID}),
    (r"mec\b|rem\b|personali[sz]ation|hash alg", CLAIM | BINDING),
    (r"trust anchor|unknown (key|device)", frozenset({Kind.NO_TRUST_ANCHOR, *SIGNATURE})),
    (r"collection|cmw|\b907\b|\b399\b|envelope|structure|array|malformed|cbor", CBOR | SHAPE | TAG),
    (r"length|too (short|long)|\bsize", frozenset({Kind.CLAIM_LENGTH, Kind.SIGNATURE_LENGTH, *CBOR})),
    (r"type|range|value|syntax|pattern|invalid", CLAIM),
    (r"\balg", ALGORITHM),
    (r"\btag", TAG | SIGNATURE),
)
"""Patterns of which several may be in one sentence, such as a claim that was changed and its signature."""


def vector_cases(recording: Recorded) -> Iterator[Case]:
    keys: Recorded = recording["keys"]
    for vector in recording["vectors"]:
        yield Case(vector["name"], partial(_verdict, vector, keys))
        if vector["name"].startswith(OF_TF_M):
            yield Case(f"{vector['name']}: made anew", partial(_made_anew, vector, keys))


def key_of(name: str, keys: Recorded) -> bytes:
    """A vector without a key is judged under any."""
    entry = keys[ANY_KEY if name == "none" else name]
    return bytes.fromhex(entry["pub_uncompressed_hex"] if entry["kind"] == "EC" else entry["hex"])


def _verdict(vector: Recorded, keys: Recorded) -> None:
    token, key = bytes.fromhex(vector["token_hex"]), key_of(vector["key"], keys)
    expected: str = vector["expected"]
    assert len(token) == vector["token_len"]
    challenge = bytes.fromhex(vector["challenge_hex"]) if vector.get("challenge_hex") else None
    verdict = verify(token, key, challenge=challenge)
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
    """The findings of which one must be ours."""
    for words, kinds in REASONS:
        if re.search(words, text, re.IGNORECASE):
            return kinds
    found = (kinds for words, kinds in HINTS if re.search(words, text, re.IGNORECASE))
    return frozenset().union(*found)


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
    if _has_options(claims[labels["nonce"]]) and not _is_signed(vector, keys):
        # Test code: the hash in the signature's place is the same for everybody.
        assert made.hex() == token.hex()


def _has_options(challenge: bytes) -> bool:
    return len(challenge) == 64 and any(challenge[OPTION_WORD]) and not any(challenge[OPTION_WORD.stop :])


def _is_signed(vector: Recorded, keys: Recorded) -> bool:
    verdict = verify(bytes.fromhex(vector["token_hex"]), key_of(vector["key"], keys))
    return verdict.signature is SignatureState.VALID


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
        _config(claims, labels, iak, mac, key_id),
        boot_status_of([cbor2.dumps(component) for component in components]) if components else None,
        _provisioning(claims, labels, iak, mac, key_id),
        extra=_caller(client_id) if client_id > 0 else (),
        platform={"tfm_attest_hal_get_platform_hash_algo": algorithm.encode} if algorithm else None,
    )
    challenge = claims[labels["nonce"]]
    status, token = psa_initial_attest_get_token(firmware.client(client_id), challenge, TOKEN_ROOM)
    assert status == 0
    return token


def _config(
    claims: dict[int, Any], labels: dict[str, int], iak: bytes, mac: bool, key_id: bool
) -> AttestationConfig:
    drafted = DRAFT_BOOT_SEED in claims or str(claims[labels["profile"]]).startswith("http://arm.com/")
    variant = TokenVariant.PSA_IOT_PROFILE_1
    if not mac and _identity_over_point(iak) in claims.values():
        variant = TokenVariant.PSA_IOT_PROFILE_1_2022
    order = list(claims)
    service = labels["service"] in claims
    if labels is EAT and HASH_ALGORITHM in claims:
        variant = TokenVariant.CCA_1_0_0 if drafted else TokenVariant.CCA_2023
    elif labels is EAT:
        variant = TokenVariant.PSA_2_0_0 if drafted else TokenVariant.RFC_9783
    return AttestationConfig(
        variant=variant,
        optional_claims=service,
        cose_key_id=key_id,
        symmetric=mac,
        verification_service_first=service
        and order.index(labels["service"]) < order.index(labels["profile"]),
        include_test_code=_has_options(claims[labels["nonce"]]),
    )


def _identity_over_point(iak: bytes) -> bytes:
    """The instance id of TF-M 2.1 and before."""
    public = ec.derive_private_key(int.from_bytes(iak, "big"), ec.SECP256R1()).public_key()
    return b"\1" + sha256(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).digest()


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
