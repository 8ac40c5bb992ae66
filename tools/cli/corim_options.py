"""The options of commands that write a CoRIM: profile, names, validity, signature."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Final, TypeVar

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import TfmSimError
from ..endorsements.corim import CorimProfile, Entity, Validity
from ..endorsements.corim_writer import write_corim
from ..endorsements.model import Endorsements
from ..endorsements.signed_corim import sign_corim
from ..tokens.cose_writer import load_signing_key
from .moments import Moment
from .output import FILE_NAME, FileUnreadable, display, read_file

PROFILES: Final = {
    "psa": CorimProfile.PSA,
    "psa-iot-1": CorimProfile.PSA_IOT_1,
    "cca-platform": CorimProfile.CCA_PLATFORM,
    "cca-ssd-1": CorimProfile.CCA_SSD_1,
    "cca-realm": CorimProfile.CCA_REALM,
    "cca-realm-1": CorimProfile.CCA_REALM_1,
}
DEFAULT_NAME: Final = "tfm-sim"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class CorimOptions:
    """One value an option; files as their names, times in seconds since 1970."""

    corim_profile: str | None
    corim_id: str | None
    creator: str | None
    creator_uri: str | None
    valid_from: int | None
    valid_until: int | None
    certification: bool
    versions: bool
    sign_key: str | None
    signer: str
    signer_uri: str | None
    sign_cert: str | None
    cwt_claims: bool

    def check(self, *, written: bool) -> None:
        """Refuse what would have no effect. ``written`` says whether there is a CoRIM at all."""
        if self.sign_key is not None and not written:
            raise click.UsageError("--sign-key without a CoRIM; legal: with -o DIR or --corim FILE")
        named = self.signer_uri is not None or self.signer != DEFAULT_NAME
        for option, given in (
            ("--sign-cert", self.sign_cert is not None),
            ("--signer or --signer-uri", named),
            ("--cwt-claims", self.cwt_claims),
        ):
            if given and self.sign_key is None:
                raise click.UsageError(f"{option} without --sign-key; legal: with it")
        if self.creator_uri is not None and self.creator is None:
            raise click.UsageError("--creator-uri without --creator; legal: both, or the creator alone")

    def profile(self, default: CorimProfile) -> CorimProfile:
        """The profile asked for, or else the default."""
        return default if self.corim_profile is None else PROFILES[self.corim_profile]

    def write(self, endorsements: Endorsements, profile: CorimProfile) -> bytes:
        """The CoRIM, signed if there is a key. Raises EndorsementError and FileUnreadable."""
        corim = write_corim(
            self._chosen(endorsements),
            profile,
            corim_id=self.corim_id,
            validity=self._validity(),
            entities=(Entity(self.creator, self.creator_uri),) if self.creator is not None else (),
        )
        if self.sign_key is None:
            return corim
        return sign_corim(
            corim,
            _signing_key(self.sign_key),
            Entity(self.signer, self.signer_uri),
            validity=self._validity(),
            certificates=_certificates(self.sign_cert) if self.sign_cert is not None else (),
            cwt_claims=self.cwt_claims,
        )

    def _chosen(self, endorsements: Endorsements) -> Endorsements:
        if not self.certification:
            endorsements = replace(endorsements, certifications=())
        if self.versions:
            return endorsements
        return replace(
            endorsements,
            reference_values=tuple(replace(value, version=None) for value in endorsements.reference_values),
        )

    def _validity(self) -> Validity | None:
        if self.valid_until is None:
            if self.valid_from is not None:
                raise click.UsageError("--valid-from without --valid-until; legal: both, the latter, or none")
            return None
        return Validity(self.valid_until, self.valid_from)


def _signing_key(file: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_signing_key(read_file(file))
    except FileUnreadable:
        raise
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None
    if isinstance(key, bytes):
        raise FileUnreadable(f"{display(file)}: a secret; legal for a CoRIM: a PEM private key")
    return key


def _certificates(file: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(read_file(file))
    except ValueError:
        raise FileUnreadable(
            f"{display(file)}: no PEM certificates; legal: the signer's, then those that vouch for it"
        ) from None


_OPTIONS: Final = (
    click.option(
        "--profile-of-corim",
        "corim_profile",
        type=click.Choice(list(PROFILES)),
        default=None,
        help="The CoRIM's profile: of 2025 (psa, cca-platform, cca-realm) or older; by default that of 2025 "
        "which fits.",
    ),
    click.option("--corim-id", metavar="TEXT", help="The CoRIM's identifier; by default from its content."),
    click.option("--creator", metavar="NAME", help="Who made the CoRIM, an entity in it."),
    click.option("--creator-uri", metavar="URI", help="Where that is to be found."),
    click.option("--valid-from", type=Moment(), metavar="TIME", help="ISO 8601, or seconds since 1970."),
    click.option("--valid-until", type=Moment(), metavar="TIME", help="The same; without it for ever."),
    click.option(
        "--certification/--no-certification",
        default=False,
        show_default=True,
        help="Put the certificate's number in; Veraison of mid-2026 refuses a CoRIM with one.",
    ),
    click.option(
        "--versions/--no-versions",
        default=True,
        show_default=True,
        help="Tell components' versions; Veraison of mid-2026 crashes on them in a CCA platform's CoRIM.",
    ),
    click.option("--sign-key", type=FILE_NAME, metavar="PEM", help="Sign the CoRIM with this private key."),
    click.option("--signer", metavar="NAME", default=DEFAULT_NAME, show_default=True, help="Who signs."),
    click.option("--signer-uri", metavar="URI", help="Where that is to be found."),
    click.option(
        "--sign-cert",
        type=FILE_NAME,
        metavar="PEM",
        help="The signer's certificate, then those that vouch for it; Veraison wants them.",
    ),
    click.option(
        "--cwt-claims/--no-cwt-claims",
        default=False,
        show_default=True,
        help="Name the signer in CWT claims too, as the draft wants it, beside corim-meta.",
    ),
)


def corim_options(command: Command) -> Command:
    """Give a click command these options; it gets them as ``corim``, a CorimOptions."""

    @wraps(command)
    def with_options(**arguments: Any) -> Any:
        mine = {name: arguments.pop(name) for name in CorimOptions.__slots__}
        return command(corim=CorimOptions(**mine), **arguments)

    wrapped: Any = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    result: Command = wrapped
    return result
