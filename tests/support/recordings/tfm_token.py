"""The token calls of a recorded TF-M, and the lines that its attestation bench printed."""

import re
from collections.abc import Callable, Iterator
from functools import partial

import cbor2
from support.recordings.case import Case, Recorded, not_yet, skipped
from support.recordings.firmware import Firmware
from support.recordings.tfm_build import TfmBuild

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import (
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.tools.verifier import SignatureState, verify

TOKEN_CALLS = {"TOKENST", "TOKENST2"}
UNTOUCHED = 43690
"""What the bench put into its size variable before each call."""
ADDRESS_MASK = 0xFFFFFFFF
Boot = Callable[[], Firmware]


def key_of(build: TfmBuild, dummy: Recorded) -> bytes:
    """What verifies the tokens: the public IAK, or the IAK itself in a symmetric build."""
    return bytes.fromhex(dummy["iak_private_hex" if build.symmetric else "iak_public_uncompressed_hex"])


def token_cases(build: TfmBuild, variant: Recorded, boot: Boot, key: bytes) -> Iterator[Case]:
    for call in variant.get("token_calls", ()):
        name = f"{call['call']} {call['challenge_size']}"
        if call["call"] not in TOKEN_CALLS:
            yield skipped(name, f"unknown token call {call['call']!r}")
            continue
        yield Case(name, partial(_replay, build, boot, call, key))
        if call.get("token"):
            yield Case(f"{name}, recorded token verifies", partial(_recorded_verifies, call, key))


def _replay(build: TfmBuild, boot: Boot, call: Recorded, key: bytes) -> None:
    challenge = bytes.fromhex(call["challenge_hex"])
    assert len(challenge) == call["challenge_size"]
    status, token = psa_initial_attest_get_token(boot().ns, challenge, build.max_token_size)
    assert status == call["status"]
    assert len(token) == call["token_size"]
    recorded = call.get("token")
    if not recorded:
        assert status != PSA_SUCCESS
        return
    message = cbor2.loads(token)
    protected, unprotected, payload, signature = message.value
    assert message.tag == recorded["cose_tag"]
    assert protected.hex() == recorded["protected_header"]["hex"]
    assert cbor2.dumps(dict(unprotected)).hex() == recorded["unprotected_header"]["hex"]
    assert len(signature) == recorded["signature_or_tag_len"]
    _compare_payload(payload, recorded)
    verdict = verify(token, key, challenge=challenge)
    assert verdict.ok, verdict.reasons


def _compare_payload(payload: bytes, recorded: Recorded) -> None:
    """Byte for byte, but for a claim whose recorded text is no text (TF-M 2.2.2's CCA hash algorithm)."""
    broken = broken_claims(recorded)
    if not broken:
        assert payload.hex() == recorded["payload_hex"]
        return
    claims = [
        (cbor2.dumps(key).hex(), cbor2.dumps(value).hex()) for key, value in cbor2.loads(payload).items()
    ]
    assert "".join(key + value for key, value in claims) in payload.hex()
    theirs = [(claim["key_hex"], claim["value_hex"]) for claim in recorded["claims_in_order"]]
    assert [key for key, _ in claims] == [key for key, _ in theirs]
    assert [c for c in claims if c[0] not in broken] == [c for c in theirs if c[0] not in broken]
    assert len(payload) == recorded["payload_len"]


def broken_claims(recorded: Recorded) -> set[str]:
    """Keys, encoded, of claims with a text string that is not UTF-8."""
    return {
        claim["key_hex"]
        for claim in recorded["claims_in_order"]
        if isinstance(claim["value"], dict) and any("invalid_utf8" in form for form in claim["value"])
    }


def _recorded_verifies(call: Recorded, key: bytes) -> None:
    verdict = verify(bytes.fromhex(call["token"]["hex"]), key, challenge=bytes.fromhex(call["challenge_hex"]))
    assert verdict.signature is SignatureState.VALID
    if broken_claims(call["token"]):
        assert "invalid-utf8" in {kind.value for kind in verdict.kinds()}
    else:
        assert verdict.ok, verdict.reasons


def uart_cases(build: TfmBuild, variant: Recorded, boot: Boot) -> Iterator[Case]:
    for line in variant.get("uart_result_lines", ()):
        yield Case(line, partial(_uart_line, build, line, boot))


def _uart_line(build: TfmBuild, line: str, boot: Boot) -> None:
    call, _, result = line.partition(" = ")
    word, _, argument = call.partition(" ")
    if word == "IAKATTR":
        not_yet("IAKATTR was recorded with a guessed key id")
    if word not in UART_CALLS or not re.fullmatch(r"-?\d*", argument):
        not_yet(f"unknown call {call!r}")
    assert UART_CALLS[word](build, boot(), int(argument or 0)) == result


def _token_size(build: TfmBuild, firmware: Firmware, size: int) -> str:
    status, out = psa_initial_attest_get_token_size(firmware.ns, size, 0, build.library)
    return f"{status} {out}"


def _bad_size(build: TfmBuild, firmware: Firmware, size: int) -> str:
    status, out = psa_initial_attest_get_token_size(firmware.ns, size, UNTOUCHED, build.library)
    return f"{status} n={out}"


def _got(status: int, token: bytes) -> str:
    """The client library writes the size only if there is a token."""
    return f"{status} n={len(token) if status == PSA_SUCCESS else UNTOUCHED}"


def _bad_challenge(build: TfmBuild, firmware: Firmware, size: int) -> str:
    return _got(*psa_initial_attest_get_token(firmware.ns, bytes(range(size)), build.max_token_size))


def _buffer_size(build: TfmBuild, firmware: Firmware, size: int) -> str:
    challenge = bytes(range(32))
    if size >= 0:
        return _got(*psa_initial_attest_get_token(firmware.ns, challenge, size))
    # The bench's arithmetic went below zero; to the service's client it is a huge size_t.
    buffer = psa_outvec(_ns_ram(firmware), size & ADDRESS_MASK)
    return _got(_get_token(firmware, challenge, buffer), b"")


def _null_challenge(build: TfmBuild, firmware: Firmware, _: int) -> str:
    return _got(_get_token(firmware, psa_invec(0, 32), psa_outvec(bytearray(build.max_token_size))), b"")


def _null_token(build: TfmBuild, firmware: Firmware, _: int) -> str:
    return _got(_get_token(firmware, bytes(range(32)), psa_outvec(0, build.max_token_size)), b"")


def _get_token(firmware: Firmware, challenge: bytes | psa_invec, token: psa_outvec) -> int:
    return firmware.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, [challenge], [token])


def _ns_ram(firmware: Firmware) -> int:
    return next(r.base for r in firmware.hardware.memory.regions if r.name == "non_secure_data")


UART_CALLS: dict[str, Callable[[TfmBuild, Firmware, int], str]] = {
    "TOKENSIZE": _token_size,
    "BADCHAL": _bad_challenge,
    "BADSIZE": _bad_size,
    "BUFSIZE": _buffer_size,
    "NULLCHAL": _null_challenge,
    "NULLTOKEN": _null_token,
}
