"""The old place of `tools.endorsements.iak`, for those who still import it from here."""

from .endorsements.iak import NoEndorsement, iak_verification_key

__all__ = ["NoEndorsement", "iak_verification_key"]
