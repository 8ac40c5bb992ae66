"""The real TF-M's recordings: same boot status, OTP and caller give the same payloads, sizes and statuses."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from support.partition_bench import NS_RAM, PartitionBench, make_hal, start_partitions
from support.token_parts import CHALLENGE, config_of, load_recording, take_apart

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import (
    ClientLibrary,
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.platform.otp import Otp

RECORDED = load_recording("tfm-2.2.2.json")
UNTOUCHED = 43690
ROOM = 0x250
# TF-M 2.2.2's CCA build emits the bytes of a pointer here; the right text is meant.
CCA_HASH_ALGO_CLAIM = bytes.fromhex("190962")


@cache
def bench(name: str) -> PartitionBench:
    variant = RECORDED["variants"][name]
    area = bytes.fromhex(variant["boot_status_tlv"]["hex"]) if "boot_status_tlv" in variant else b""
    return start_partitions(config_of(name, variant), boot_status=area, hal=make_hal(recorded_otp()))


def recorded_otp() -> Otp:
    otp = bytearray(0x1000)
    for field in RECORDED["variants"]["bench_l1"]["otp_flash_area"]["fields"]:
        otp[field["offset"] : field["offset"] + field["len"]] = bytes.fromhex(field["hex"])
    return Otp.from_bytes(bytes(otp))


def token_calls() -> Iterator[Any]:
    for name, variant in RECORDED["variants"].items():
        for index, call in enumerate(variant["token_calls"]):
            yield pytest.param(name, call, id=f"{name}-{index}-{call['challenge_size']}")


@pytest.mark.parametrize("name, call", list(token_calls()))
def test_recorded_token(name: str, call: dict[str, Any]) -> None:
    challenge = bytes.fromhex(call["challenge_hex"])
    status, token = psa_initial_attest_get_token(bench(name).ns, challenge, ROOM)
    assert (status, len(token)) == (call["status"], call["token_size"])
    if status:
        return
    recorded = bytes.fromhex(call["token"]["hex"])
    ours, theirs = take_apart(token), bytes.fromhex(call["token"]["payload_hex"])
    assert token[: token.index(ours.payload)] == recorded[: recorded.index(theirs)]
    if CCA_HASH_ALGO_CLAIM in theirs and name == "tok_cca_noopt":
        start = theirs.index(CCA_HASH_ALGO_CLAIM) + 4
        end = start + len(b"not-hash-extended")
        assert ours.payload[start:end] == b"not-hash-extended"
        theirs = theirs[:start] + b"not-hash-extended" + theirs[end:]
    assert ours.payload == theirs
    verify_sign1(token)


def verify_sign1(token: bytes) -> None:
    parts = take_apart(token)
    point = bytes.fromhex(RECORDED["platform_dummy_data"]["iak_public_uncompressed_hex"])
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    length = len(parts.payload).to_bytes(2, "big")
    signed = b"\x84\x6aSignature1\x43" + parts.protected + b"\x40\x59" + length + parts.payload
    r, s = (int.from_bytes(half, "big") for half in (parts.signature[:32], parts.signature[32:]))
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


def result_lines() -> Iterator[Any]:
    for name, variant in RECORDED["variants"].items():
        for line in variant["uart_result_lines"]:
            if not line.startswith("IAKATTR"):  # made with a guessed key id
                yield pytest.param(name, line, id=f"{name}-{line.split(' =')[0].replace(' ', '')}")


@pytest.mark.parametrize("name, line", list(result_lines()))
def test_recorded_result_line(name: str, line: str) -> None:
    assert replay(bench(name), name, line) == line


def replay(device: PartitionBench, name: str, line: str) -> str:
    what, _, rest = line.partition(" ")
    number = int(match[0]) if (match := re.match(r"-?\d+", rest)) else 0
    match what:
        case "TOKENSIZE" | "BADSIZE":
            library = ClientLibrary.TFM_2_1 if "216" in name else ClientLibrary.TFM_2_2
            status, size = psa_initial_attest_get_token_size(device.ns, number, UNTOUCHED, library)
            answer = f"{status} {size}" if what == "TOKENSIZE" else f"{status} n={size}"
            return f"{what} {number} = {answer}"
        case "BADCHAL":
            status, token = psa_initial_attest_get_token(device.ns, CHALLENGE[:number], ROOM)
            return f"BADCHAL {number} = {status} n={length_after(status, token)}"
        case "BUFSIZE" if number >= 0:
            status, token = psa_initial_attest_get_token(device.ns, CHALLENGE[:32], number)
            return f"BUFSIZE {number} = {status} n={length_after(status, token)}"
        case "BUFSIZE":
            return (
                f"BUFSIZE {number} = {raw(device, CHALLENGE[:32], NS_RAM, number & 0xFFFFFFFF)} n={UNTOUCHED}"
            )
        case "NULLCHAL":
            return f"NULLCHAL = {raw(device, psa_invec(0, 32), NS_RAM, ROOM)} n={UNTOUCHED}"
        case _:
            return f"NULLTOKEN = {raw(device, CHALLENGE[:32], 0, ROOM)} n={UNTOUCHED}"


def length_after(status: int, token: bytes) -> int:
    """The caller's length variable: written with success only."""
    return UNTOUCHED if status else len(token)


def raw(device: PartitionBench, challenge: bytes | psa_invec, base: int, length: int) -> int:
    return device.ns.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, [challenge], [psa_outvec(base, length)]
    )


def test_recorded_buffer_size_scan() -> None:
    """tfm-ipc-behaviour.json: each buffer size of a 518-byte token, the slip of 2.2.2 included."""
    scan = load_recording("tfm-ipc-behaviour.json")["attestation_token_buffer_size_scan"]
    for band in scan["rc_by_buffer_size"]:
        for size in range(band["from"], band["to"] + 1):
            status, _ = psa_initial_attest_get_token(bench("bench_l1").ns, CHALLENGE[:32], size)
            assert (size, status) == (size, band["rc"])


IAS = TFM_ATTESTATION_SERVICE_HANDLE
SIZE_IN = (32).to_bytes(4, "little")


@pytest.mark.parametrize(
    "recorded, type_, in_vec, out_sizes",
    [
        ("RC get_token chal 65 = -135", 1001, [bytes(65)], [ROOM]),
        ("RC attest psa_call type 9999 = -134", 9999, [bytes(32)], [ROOM]),
        ("RC attest psa_call type 0 = -134", 0, [bytes(32)], [ROOM]),
        ("RC attest GET_TOKEN no vecs = -135", 1001, [], []),
        ("RC attest GET_TOKEN no outvec = -135", 1001, [bytes(32)], []),
        ("RC attest GET_TOKEN two invecs = -135", 1001, [bytes(16), bytes(16)], [ROOM]),
        ("RC attest GET_TOKEN_SIZE ok = 0", 1002, [SIZE_IN], [4]),
        ("RC attest GET_TOKEN_SIZE in_len 3 = -135", 1002, [SIZE_IN[:3]], [4]),
        ("RC attest GET_TOKEN_SIZE out_len 3 = -135", 1002, [SIZE_IN], [3]),
    ],
)
def test_recorded_service_error(recorded: str, type_: int, in_vec: list[bytes], out_sizes: list[int]) -> None:
    assert recorded in load_recording("tfm-ipc-behaviour.json")["attestation_service_errors"]
    out_vec = [psa_outvec(bytearray(size)) for size in out_sizes]
    status = bench("bench_l1").ns.psa_call(IAS, type_, in_vec, out_vec)
    assert recorded.endswith(f"= {status}")
    if status == 0:
        assert (out_vec[0].base, out_vec[0].len) == (bytearray((518).to_bytes(4, "little")), 4)
    elif out_vec:
        assert out_vec[0].len == 0
