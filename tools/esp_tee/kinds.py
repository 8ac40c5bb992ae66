"""Why an ESP-TEE token is refused, warned about or commented on."""

from enum import StrEnum


class Kind(StrEnum):
    """The values are part of the JSON output."""

    # The text (RFC 8259) and its parts
    MALFORMED_JSON = "malformed-json"
    DUPLICATE_MEMBER = "duplicate-member"
    TOKEN_SHAPE = "token-shape"

    # Header, key and signature
    HEADER = "header"
    KEY_INVALID = "key-invalid"
    NO_TRUST_ANCHOR = "no-trust-anchor"
    KEY_OF_ANOTHER = "key-of-another"
    SIGNATURE_INVALID = "signature-invalid"

    # Claims
    CLAIM_MISSING = "claim-missing"
    CLAIM_TYPE = "claim-type"
    CLAIM_VALUE = "claim-value"
    CLAIM_CONFLICT = "claim-conflict"
    CLAIM_UNKNOWN = "claim-unknown"
    INSTANCE_ID = "instance-id"
    DEVICE_ID = "device-id"
    NONCE_MISMATCH = "nonce-mismatch"
    FRESHNESS = "freshness"

    # What the claims say of the device
    DIGEST_NOT_VALIDATED = "digest-not-validated"
    SECURE_BOOT = "secure-boot"
    CHIP_REVISION = "chip-revision"
    REFERENCE = "reference"
    ASSERTED_BY_REE = "asserted-by-ree"
