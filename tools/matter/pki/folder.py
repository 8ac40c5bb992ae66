"""A PKI in a folder: its certificates in DER, and its private keys in PEM beside them.

``paa.der``, ``pai-FFF1-8004.der`` (``pai-FFF1.der`` for all of a vendor's products), ``cd-signer.der``, each
with a ``.key``. The keys are not encrypted: whoever reads the folder can certify devices.
"""

import re
import warnings
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from .authority import Authority
from .certification_declaration import DeclarationSigner
from .names import PkiError, name_style
from .server import PkiServer

PAA, CD_SIGNER = "paa", "cd-signer"
MODE_OF_KEYS: Final = 0o600
MAX_FILE: Final = 1 << 16
_PAI: Final = re.compile(r"pai-([0-9A-F]{4})(?:-([0-9A-F]{4}))?")


def write_folder(folder: Path, server: PkiServer, signer: DeclarationSigner) -> tuple[Path, ...]:
    """The files written. Raises PkiError, also for one that is there already: no key is overwritten."""
    parts = [(PAA, server.paa.der, server.paa.private_key)]
    parts += [(_name(pai), pai.der, pai.private_key) for pai in server.pais.values()]
    parts += [(CD_SIGNER, signer.certificate, signer.private_key)]
    files = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, der, private_key in parts:
            pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            for suffix, data in ((".key", pem), (".der", der)):
                file = folder / f"{name}{suffix}"
                with file.open("xb") as stream:
                    file.chmod(MODE_OF_KEYS if suffix == ".key" else 0o644)
                    stream.write(data)
                files.append(file)
    except FileExistsError as error:
        raise PkiError(f"{error.filename}: is there already; legal: a new folder") from None
    except (OSError, ValueError) as error:
        raise PkiError(f"{folder}: {error}; legal: a folder that can be written") from None
    return tuple(files)


def read_folder(folder: Path) -> tuple[PkiServer, DeclarationSigner]:
    """The PKI that `write_folder` wrote. Raises PkiError."""
    try:
        names = sorted(file.stem for file in folder.glob("pai-*.der"))
    except (OSError, ValueError) as error:
        raise PkiError(f"{folder}: {error}; legal: a folder of a PKI") from None
    paa = _authority(folder, PAA)
    pais = []
    for name in names:
        match = _PAI.fullmatch(name)
        if match is None:
            raise PkiError(f"{folder / name}.der: its name; legal: pai-VVVV-PPPP.der or pai-VVVV.der")
        vendor, product = (None if text is None else int(text, 16) for text in match.groups())
        pais.append(_authority(folder, name, vendor, product))
    if not pais:
        raise PkiError(f"{folder}: no pai-*.der; legal: a folder that `tfm-sim matter pki new` wrote")
    return PkiServer(paa, pais), DeclarationSigner(_private_key(folder / f"{CD_SIGNER}.key"))


def _name(pai: Authority) -> str:
    return f"pai-{pai.vendor_id:04X}" + ("" if pai.product_id is None else f"-{pai.product_id:04X}")


def _authority(folder: Path, name: str, vendor: int | None = None, product: int | None = None) -> Authority:
    file = folder / f"{name}.der"
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd names and numbers, which do no harm here
            certificate = x509.load_der_x509_certificate(_read(file))
            public_key = certificate.public_key()
            style = name_style(certificate.subject)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise PkiError(f"{file}: {error}; legal: a certificate in DER") from None
    private_key = _private_key(folder / f"{name}.key")
    if public_key != private_key.public_key():
        raise PkiError(f"{file}: of another key than {name}.key; legal: that key's certificate")
    return Authority(certificate, private_key, vendor, product, style)


def _private_key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{file}: {error}; legal: a private key in PEM, not encrypted") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PkiError(f"{file}: a key that is not of P-256; legal: prime256v1")
    return key


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PkiError(f"{file}: {reason}; legal: a readable file") from None
