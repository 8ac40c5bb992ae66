"""Why a DUA certificate, or a token beside it, is refused."""

from enum import StrEnum


class Kind(StrEnum):
    """The values are part of the JSON output."""

    # One certificate
    MALFORMED = "malformed-certificate"
    VERSION = "certificate-version"
    ALGORITHM = "certificate-algorithm"
    EXTENSION = "certificate-extension"
    KEY = "certificate-key"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    NOT_A_CA = "not-a-ca"
    IS_A_CA = "is-a-ca"
    PATH_LENGTH = "path-length"
    KEY_USAGE = "key-usage"
    NAME = "certificate-name"

    # The chain
    NO_ISSUER = "no-issuer"
    UNTRUSTED_ROOT = "untrusted-root"
    CERTIFICATE_SIGNATURE = "certificate-signature"
    KEY_IDENTIFIER = "key-identifier"
    CHAIN_LENGTH = "chain-length"

    # Token and certificate together
    ANOTHER_KEY = "another-key"
    TOKEN_NOT_CHECKED = "token-not-checked"
