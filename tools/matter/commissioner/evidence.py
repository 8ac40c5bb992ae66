"""What a commissioner received, as a JSON file that can be judged again anywhere.

Bytes are hex. ``attestation`` has elements, challenge, signature, pai, dac, nonce, vendor_id and product_id;
``csr``, which may be null, has elements, signature and nonce.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ....interface.errors import TfmSimError
from .commission import Commissioning
from .csr import CsrInfo, CsrVerdict, verify_csr
from .results import Verdict
from .trust import Policy, TrustStore
from .verification import AttestationInfo, verify_attestation
from .x509 import read_certificate

_ATTESTATION: Final = ("elements", "challenge", "signature", "pai", "dac", "nonce")
_CSR: Final = ("elements", "signature", "nonce")


class EvidenceError(TfmSimError):
    """A file that is no evidence of ours: says what is wrong with which member."""


def to_json(outcome: Commissioning) -> str:
    """The evidence of a commissioning that came as far as an attestation. Raises EvidenceError for others."""
    info, request = outcome.evidence, outcome.request
    if info is None:
        raise EvidenceError(f"no attestation was received: {outcome.failed}")
    attestation: dict[str, Any] = {name: getattr(info, name).hex() for name in _ATTESTATION}
    attestation |= {"vendor_id": info.vendor_id, "product_id": info.product_id}
    csr = None if request is None else {name: getattr(request, name).hex() for name in _CSR}
    return json.dumps({"attestation": attestation, "csr": csr}, indent=2) + "\n"


def judge(data: bytes, trust: TrustStore, policy: Policy) -> tuple[Verdict, CsrVerdict | None]:
    """The verdicts on evidence as JSON; None where there is no CSR, or no attestation that lets one be asked.

    Raises EvidenceError.
    """
    whole = _object(_parsed(data), "evidence")
    attestation = _object(whole.get("attestation"), "attestation")
    elements, challenge, signature, pai, dac, nonce = (
        _octets(attestation, "attestation", name) for name in _ATTESTATION
    )
    vendor_id, product_id = (_number(attestation, name) for name in ("vendor_id", "product_id"))
    info = AttestationInfo(elements, challenge, signature, pai, dac, nonce, vendor_id, product_id)
    verdict = verify_attestation(info, trust, policy)
    if whole.get("csr") is None or not verdict.ok:
        return verdict, None
    csr = _object(whole["csr"], "csr")
    members = {name: _octets(csr, "csr", name) for name in _CSR}
    key = read_certificate(info.dac).public_key
    return verdict, verify_csr(CsrInfo(challenge=info.challenge, dac_key=key, **members))


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"evidence: {error}; legal: JSON") from None


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EvidenceError(f"evidence, {name}: found {type(value).__name__}; legal: an object")
    return value


def _octets(members: Mapping[str, Any], where: str, name: str) -> bytes:
    text = members.get(name)
    try:
        if isinstance(text, str):
            return bytes.fromhex(text)
    except ValueError:
        pass
    raise EvidenceError(f"evidence, {where}.{name}: found {str(text)[:40]!r}; legal: pairs of hex digits")


def _number(members: Mapping[str, Any], name: str) -> int:
    number = members.get(name)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 0xFFFF:
        raise EvidenceError(f"evidence, attestation.{name}: found {str(number)[:40]!r}; legal: 0 to 65535")
    return number
