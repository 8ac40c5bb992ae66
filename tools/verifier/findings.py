"""What the verifier says about a token: a machine-readable kind, where, and one sentence."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Why a token was refused, warned about or commented on. The values are part of the JSON output."""

    # CBOR (RFC 8949) and what the RFC 9783 baseline forbids
    MALFORMED_CBOR = "malformed-cbor"
    INDEFINITE_LENGTH = "indefinite-length"
    DUPLICATE_KEY = "duplicate-key"
    TRAILING_BYTES = "trailing-bytes"
    INVALID_UTF8 = "invalid-utf8"
    NON_PREFERRED = "non-preferred-serialization"

    # COSE envelope (RFC 9052)
    TAG_MISSING = "tag-missing"
    TAG_WRONG = "tag-wrong"
    TAG_EXTRA = "tag-extra"
    ENVELOPE_SHAPE = "envelope-shape"
    ALG_MISSING = "alg-missing"
    ALG_UNPROTECTED = "alg-unprotected"
    ALG_UNSUPPORTED = "alg-unsupported"
    ALG_MISMATCH = "alg-mismatch"
    HEADER_REPEATED = "header-repeated"
    HEADER_CRITICAL = "header-critical"
    HEADER_UNKNOWN = "header-unknown"
    KEY_ID = "key-id"
    X5CHAIN = "x5chain"

    # Signature or tag
    SIGNATURE_LENGTH = "signature-length"
    SIGNATURE_INVALID = "signature-invalid"
    SHORT_CIRCUIT = "short-circuit"

    # Profile and claims
    PROFILE_MISSING = "profile-missing"
    PROFILE_NOT_TEXT = "profile-not-text"
    PROFILE_UNKNOWN = "profile-unknown"
    PROFILE_STRING = "profile-string"
    CLAIM_MISSING = "claim-missing"
    CLAIM_TYPE = "claim-type"
    CLAIM_LENGTH = "claim-length"
    CLAIM_VALUE = "claim-value"
    CLAIM_CONFLICT = "claim-conflict"
    CLAIM_UNKNOWN = "claim-unknown"
    CLAIM_FOREIGN = "claim-foreign"
    NONCE_MISMATCH = "nonce-mismatch"

    # A relying party's own books: trust anchors and nonces
    NO_TRUST_ANCHOR = "no-trust-anchor"
    NONCE_UNKNOWN = "nonce-unknown"
    NONCE_EXPIRED = "nonce-expired"
    NONCE_REPLAYED = "nonce-replayed"

    # Composition: CCA collections, nested tokens
    COLLECTION_SHAPE = "collection-shape"
    ENTRY_UNKNOWN = "entry-unknown"
    DEVICE_TOKEN = "device-token"
    RAK_INVALID = "rak-invalid"
    BINDING_HASH = "binding-hash"
    BINDING_MISMATCH = "binding-mismatch"
    BINDING_CLIENT = "binding-client"
    PROFILE_PAIRING = "profile-pairing"

    # Warnings and appraisal notes
    WELL_KNOWN_KEY = "well-known-key"
    INSTANCE_ID = "instance-id"
    LIFECYCLE = "lifecycle"
    FRESHNESS = "freshness"
    REALM_ALONE = "realm-alone"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about a token; ``where`` names the claim, header or byte offset ("" for the whole)."""

    kind: Kind
    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text

    def at(self, prefix: str) -> "Finding":
        """The same finding, located inside ``prefix``."""
        return Finding(self.kind, self.text, f"{prefix} {self.where}" if self.where else prefix)
