"""A laboratory with every key in the chain: it makes a good attestation, and any bad one.

Its keys are test keys made from a seed. NOT SECURE. A commissioner that judges its products trusts its
authority and its signer of declarations, so that only the one thing forged can be the reason to refuse.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ....interface.matter import tlv
from ..commissioner.csr import CsrInfo
from ..commissioner.trust import Policy, TrustStore
from ..commissioner.verification import AttestationInfo
from ..firmware.certificate_request import ORGANIZATIONAL_UNIT, certificate_request
from ..pki.authority import derive_key
from ..pki.certification_declaration import Declaration, DeclarationSigner
from ..pki.cms import sign_message
from .certificates import COMMON_NAME, PRODUCT_ID, VENDOR_ID, CertificatePlan, Name, extensions_of, key_id

VENDOR: Final = 0xFFF1
PRODUCT: Final = 0x8004
NOW: Final = datetime(2025, 1, 1, tzinfo=UTC)
_PRODUCTS: Final = (PRODUCT, 0x8005)


def key(label: str) -> ec.EllipticCurvePrivateKey:
    """A key of the laboratory by what it is for. NOT SECURE."""
    return derive_key(0, f"forger's laboratory {label}")


def subject(common_name: str, vendor_id: int | None = None, product_id: int | None = None) -> Name:
    """A name as Matter has it."""
    ids = ((VENDOR_ID, vendor_id), (PRODUCT_ID, product_id))
    return [
        (COMMON_NAME, common_name),
        *((kind, f"{number:04X}") for kind, number in ids if number is not None),
    ]


def raw_signature(signer: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r and s, 32 bytes each."""
    r, s = decode_dss_signature(signer.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _paa() -> CertificatePlan:
    mine, me = key("PAA"), subject("Forger's PAA")
    return CertificatePlan(me, me, mine, mine, extensions=extensions_of(mine, mine, ca=True, path_length=1))


def _pai() -> CertificatePlan:
    mine, above = key("PAI"), key("PAA")
    return CertificatePlan(
        subject("Forger's PAI", VENDOR, PRODUCT),
        subject("Forger's PAA"),
        mine,
        above,
        serial_number=2,
        extensions=extensions_of(mine, above, ca=True, path_length=0),
    )


def _dac() -> CertificatePlan:
    mine, above = key("DAC"), key("PAI")
    return CertificatePlan(
        subject("Forger's DAC", VENDOR, PRODUCT),
        subject("Forger's PAI", VENDOR, PRODUCT),
        mine,
        above,
        serial_number=3,
        extensions=extensions_of(mine, above, ca=False, path_length=None),
    )


@dataclass(slots=True)
class Lab:
    """One attestation in the making, good as it stands; a forgery changes it and then has it built.

    What is None is made of the rest. ``members`` are the elements' own, ``declaration`` the CMS message,
    ``declaration_content`` the TLV inside; ``emptied`` is the commissioner's argument that is left empty.
    """

    paa: CertificatePlan = field(default_factory=_paa)
    pai: CertificatePlan = field(default_factory=_pai)
    dac: CertificatePlan = field(default_factory=_dac)
    product: Declaration = field(default_factory=lambda: Declaration(VENDOR, _PRODUCTS))
    declaration_content: bytes | None = None
    declaration_signer: DeclarationSigner = field(default_factory=lambda: DeclarationSigner(key("CD signer")))
    declaration: bytes | None = None
    members: list[bytes] | None = None
    elements: bytes | None = None
    signature: bytes | None = None
    nonce: bytes = field(default_factory=lambda: hashlib.sha256(b"a nonce").digest())
    answered_nonce: bytes | None = None
    challenge: bytes = field(default_factory=lambda: hashlib.sha256(b"a session").digest()[:16])
    signed_challenge: bytes | None = None
    vendor_id: int = VENDOR
    product_id: int = PRODUCT
    known_paas: bool = True
    emptied: str | None = None
    policy: Policy = field(default_factory=lambda: Policy(NOW))

    def trust(self) -> TrustStore:
        """A commissioner that knows the laboratory's authority, and a test key for declarations."""
        official, test = key("CD signer"), DeclarationSigner.test()
        point = official.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return TrustStore(
            {key_id(key("PAA")): self.paa.build()} if self.known_paas else {},
            {key_id(official): point, test.key_id: test.public_key},
            frozenset({test.key_id}),
        )

    def certification_declaration(self) -> bytes:
        """The CMS message that the elements carry."""
        if self.declaration is not None:
            return self.declaration
        signer = self.declaration_signer
        content = self.product.encode() if self.declaration_content is None else self.declaration_content
        return sign_message(content, signer.private_key, signer.key_id)

    def element_members(self) -> list[bytes]:
        """Declaration, nonce, time and firmware information."""
        if self.members is not None:
            return self.members
        nonce = self.nonce if self.answered_nonce is None else self.answered_nonce
        return [
            tlv.octets(tlv.context(1), self.certification_declaration()),
            tlv.octets(tlv.context(2), nonce),
            tlv.unsigned(tlv.context(3), 0),
        ]

    def info(self) -> AttestationInfo:
        """What arrives at the commissioner."""
        elements = self.elements
        if elements is None:
            elements = tlv.structure(tlv.ANONYMOUS, *self.element_members())
        challenge = self.challenge if self.signed_challenge is None else self.signed_challenge
        signature = self.signature
        if signature is None:
            signature = raw_signature(key("DAC"), elements + challenge)
        info = AttestationInfo(
            elements,
            self.challenge,
            signature,
            self.pai.build(),
            self.dac.build(),
            self.nonce,
            self.vendor_id,
            self.product_id,
        )
        emptied: dict[str, Any] = {} if self.emptied is None else {self.emptied: b""}
        return replace(info, **emptied)


@dataclass(slots=True)
class CsrLab:
    """One CSR response in the making, good as it stands."""

    nonce: bytes = field(default_factory=lambda: hashlib.sha256(b"a CSR nonce").digest())
    challenge: bytes = field(default_factory=lambda: hashlib.sha256(b"a session").digest()[:16])
    csr: bytes | None = None
    answered_nonce: bytes | None = None
    members: list[bytes] | None = None
    signed_challenge: bytes | None = None
    signer: ec.EllipticCurvePrivateKey = field(default_factory=lambda: key("DAC"))
    signature: bytes | None = None
    emptied: str | None = None

    def info(self) -> CsrInfo:
        """What arrives at the commissioner."""
        nonce = self.nonce if self.answered_nonce is None else self.answered_nonce
        csr = request() if self.csr is None else self.csr
        members = self.members
        if members is None:
            members = [tlv.octets(tlv.context(1), csr), tlv.octets(tlv.context(2), nonce)]
        elements = tlv.structure(tlv.ANONYMOUS, *members)
        challenge = self.challenge if self.signed_challenge is None else self.signed_challenge
        signature = self.signature or raw_signature(self.signer, elements + challenge)
        point = key("DAC").public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        info = CsrInfo(elements, self.challenge, signature, point, self.nonce)
        emptied: dict[str, Any] = {} if self.emptied is None else {self.emptied: b""}
        return replace(info, **emptied)


def request(sign: Callable[[bytes], bytes] | None = None) -> bytes:
    """A request for the laboratory's operational key, signed by it unless told."""
    mine = key("operational")
    point = mine.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    signed_by = sign or (lambda message: raw_signature(mine, message))
    return certificate_request([(ORGANIZATIONAL_UNIT, "CSA")], point, signed_by)


def changed_name(name: Name, kind: str, *texts: str) -> Name:
    """A name with the attributes of one OID replaced by these."""
    kept = [(oid, text) for oid, text in name if oid != kind]
    return [*kept, *((kind, text) for text in texts)]
