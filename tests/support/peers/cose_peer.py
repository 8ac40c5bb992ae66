"""Runs in the peers' environment: COSE messages verified and made by `cwt` and by `pycose`.

Standard input is a JSON array of jobs, standard output the array of their answers. A key is
``{"crv": 1, "x": hex, "y": hex, "d": hex}`` or ``{"k": hex}``, with its COSE algorithm as ``alg`` and a
``kid`` if it has one. A job
``{"peer": name, "verify": hex, "key": key}`` is answered with ``{"payload": hex}`` or ``{"refused": why}``, a
job ``{"peer": name, "make": payload, "key": key, "kid": hex or null}`` with ``{"token": hex}``.
"""

import json
import sys
from typing import Any

import cwt
from pycose import algorithms
from pycose.headers import KID, Algorithm
from pycose.keys import EC2Key, SymmetricKey, curves
from pycose.keys.keyparam import SymKpK
from pycose.messages import CoseMessage, Mac0Message, Sign1Message

ALGORITHMS: dict[int, Any] = {
    -7: algorithms.Es256,
    -35: algorithms.Es384,
    -36: algorithms.Es512,
    5: algorithms.HMAC256,
    6: algorithms.HMAC384,
    7: algorithms.HMAC512,
}
CURVES: dict[int, Any] = {1: curves.P256, 2: curves.P384, 3: curves.P521}


def cwt_key(key: dict[str, Any]) -> Any:
    labels = {2: "kid", -1: "k"} if "k" in key else {2: "kid", -2: "x", -3: "y", -4: "d"}
    values = {label: bytes.fromhex(key[name]) for label, name in labels.items() if name in key}
    kind = {1: 4} if "k" in key else {1: 2, -1: key["crv"]}
    return cwt.COSEKey.new({**kind, 3: key["alg"], **values})


def cwt_verify(token: bytes, key: dict[str, Any]) -> bytes:
    return bytes(cwt.COSE.new().decode(token, cwt_key(key)))


def cwt_make(payload: bytes, key: dict[str, Any], kid: bytes | None) -> bytes:
    headers = ({1: key["alg"]}, {4: kid} if kid is not None else {})
    writer = cwt.COSE.new()
    encode = writer.encode_and_mac if "k" in key else writer.encode_and_sign
    return bytes(encode(payload, cwt_key(key), *headers))


def pycose_key(key: dict[str, Any]) -> Any:
    if "k" in key:
        # Its setter wants a length of AES, the algorithms of MAC do not: longer secrets go past it.
        symmetric = SymmetricKey(k=bytes(32))
        symmetric.store[SymKpK] = bytes.fromhex(key["k"])
        return symmetric
    parts = {name: bytes.fromhex(key[name]) for name in ("x", "y", "d") if name in key}
    return EC2Key(crv=CURVES[key["crv"]], **parts)


def pycose_verify(token: bytes, key: dict[str, Any]) -> bytes:
    message = CoseMessage.decode(token)
    wanted = Mac0Message if "k" in key else Sign1Message
    if not isinstance(message, wanted):
        raise ValueError(f"found a {type(message).__name__}")
    if message.get_attr(Algorithm) is not ALGORITHMS[key["alg"]]:
        raise ValueError("another algorithm")
    message.key = pycose_key(key)
    holds = message.verify_tag() if "k" in key else message.verify_signature()
    if not holds:
        raise ValueError("does not verify")
    return bytes(message.payload)


def pycose_make(payload: bytes, key: dict[str, Any], kid: bytes | None) -> bytes:
    kind = Mac0Message if "k" in key else Sign1Message
    headers = {KID: kid} if kid is not None else {}
    message = kind(phdr={Algorithm: ALGORITHMS[key["alg"]]}, uhdr=headers, payload=payload)
    message.key = pycose_key(key)
    return bytes(message.encode())


VERIFIERS = {"cwt": cwt_verify, "pycose": pycose_verify}
MAKERS = {"cwt": cwt_make, "pycose": pycose_make}


def answer(job: dict[str, Any]) -> dict[str, str]:
    if "make" in job:
        kid = bytes.fromhex(job["kid"]) if job["kid"] is not None else None
        return {"token": MAKERS[job["peer"]](bytes.fromhex(job["make"]), job["key"], kid).hex()}
    try:
        payload = VERIFIERS[job["peer"]](bytes.fromhex(job["verify"]), job["key"])
    except Exception as error:  # each peer raises what it likes; what counts is that it refuses
        return {"refused": f"{type(error).__name__}: {error}"}
    return {"payload": payload.hex()}


if __name__ == "__main__":
    json.dump([answer(job) for job in json.load(sys.stdin)], sys.stdout)
