"""`tfm-sim matter pki`: the certificates of device attestation, made and judged."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ...interface.errors import ExitCode
from ..matter.certificate_report import Inputs, Part, judge
from ..matter.commissioner.certificates import CertificateKind
from ..matter.pki.authority import NextKey, derive_key
from ..matter.pki.certification_declaration import Declaration, DeclarationSigner
from ..matter.pki.folder import read_folder, write_folder
from ..matter.pki.names import TEST_PRODUCT, NameStyle, Product
from ..matter.pki.server import NOT_SECURE, CsrRefused, Plan, build
from .certificate_files import read_one_certificate
from .moments import UTC_TIME
from .output import (
    FILE_NAME,
    Styles,
    display,
    one_standard_input,
    print_lines,
    read_file,
    write_file,
)

STYLES: Final[Styles] = (
    (r"\bkeeps the rules\b", "bold green"),
    (r"\bBREAKS RULES\b", "bold red"),
    (r"NOT SECURE", "bold red"),
)
_TEST_KEY: Final = "NOT SECURE: declarations are signed by the test key that the Matter specification prints"


class _Id(click.ParamType[int]):
    name = "id"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            number = int(str(value), 0)
        except ValueError:
            number = 0
        if not 0 < number <= 0xFFFF:
            self.fail(f"found {value!r}; legal: 0x0001 to 0xFFFF", param, ctx)
        return number


_VENDOR: Final = click.option(
    "--vendor-id",
    type=_Id(),
    metavar="VID",
    default=TEST_PRODUCT.vendor_id,
    help="By default 0xFFF1, a vendor for tests.",
)
_PRODUCT: Final = click.option(
    "--product-id",
    type=_Id(),
    metavar="PID",
    default=TEST_PRODUCT.product_id,
    help="By default 0x8004.",
)


@click.group("pki")
def pki() -> None:
    """Certificates of device attestation: a new PKI, a device certified, certificates judged."""


@pki.command("new")
@click.argument("folder", type=FILE_NAME, metavar="DIR")
@_VENDOR
@_PRODUCT
@click.option(
    "--names",
    type=click.Choice([style.value for style in NameStyle]),
    default=NameStyle.ATTRIBUTES.value,
    show_default=True,
    help="Where subjects say their ids.",
)
@click.option("--paa-of-vendor", is_flag=True, help="The PAA has the vendor id too.")
@click.option("--pai-of-vendor", is_flag=True, help="The PAI is for all products of the vendor.")
@click.option(
    "--cd-signer",
    type=click.Choice(["test", "own"]),
    default="test",
    show_default=True,
    help="Who signs declarations: the test key of the specification, which SDKs know, or a new one.",
)
@click.option("--seed", type=int, help="Keys that repeat (NOT SECURE); without it they are random.")
def new(
    folder: str,
    vendor_id: int,
    product_id: int,
    names: str,
    paa_of_vendor: bool,
    pai_of_vendor: bool,
    cd_signer: str,
    seed: int | None,
) -> None:
    """Make a new PKI.

    DIR gets a PAA, a PAI and a certification declaration's signer with their private keys, and a declaration.
    """
    key_for = _keys(seed)
    plan = Plan(NameStyle(names), paa_of_vendor, pai_of_vendor)
    product = Product(vendor_id, product_id)
    server = build(key_for, [product], plan, warning="" if seed is None else NOT_SECURE)
    signer = DeclarationSigner.test() if cd_signer == "test" else DeclarationSigner(key_for("CD signer"))
    files = write_folder(Path(folder), server, signer)
    declaration = Path(folder) / f"cd-{vendor_id:04X}-{product_id:04X}.der"
    write_file(declaration, signer.sign(Declaration.of(product)))
    warnings = [server.warning] if server.warning else []
    warnings += [_TEST_KEY] if cd_signer == "test" else []
    print_lines((f"warning: {text}" for text in warnings), STYLES, to_stderr=True)
    print_lines(f"wrote {file}" for file in (*files, declaration))


@pki.command("certify")
@click.argument("folder", type=FILE_NAME, metavar="DIR")
@click.argument("csr", type=FILE_NAME, metavar="CSR")
@_VENDOR
@_PRODUCT
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", required=True, help="The DAC, DER.")
@click.option("--pai", "pai_file", type=FILE_NAME, metavar="FILE", help="The PAI that signed it, DER.")
def certify(
    folder: str, csr: str, vendor_id: int, product_id: int, output: str, pai_file: str | None
) -> None:
    """Sign a device's certificate.

    CSR is a PKCS#10 request, DER or PEM, signed by the device's key; DIR is a PKI of `new`.
    """
    if output == pai_file:
        raise click.UsageError(f"-o and --pai both name {output}; legal: two files")
    server, _ = read_folder(Path(folder))
    request = _request(csr)
    try:
        certificates = server.certify(request, Product(vendor_id, product_id))
    except CsrRefused as error:
        raise CsrRefused(f"{display(csr)}: {error}") from None
    write_file(output, certificates.dac)
    if pai_file is not None:
        write_file(pai_file, certificates.pai)


def _request(file: str) -> bytes:
    """PKCS#10, DER, out of DER or PEM; what is neither the server refuses."""
    data = read_file(file)
    try:
        return x509.load_pem_x509_csr(data).public_bytes(Encoding.DER)
    except ValueError:
        return data


@pki.command("check")
@click.option("--paa", type=FILE_NAME, metavar="FILE", help="A PAA, DER or PEM.")
@click.option("--pai", "pai_file", type=FILE_NAME, metavar="FILE", help="A PAI, DER or PEM.")
@click.option("--dac", type=FILE_NAME, metavar="FILE", help="A DAC, DER or PEM; all three make a chain.")
@click.option("--cd", type=FILE_NAME, metavar="FILE", help="A certification declaration, CMS in DER.")
@click.option("--cd-signer", type=FILE_NAME, metavar="FILE", help="Who signed it, DER or PEM.")
@click.option("--at", type=UTC_TIME, metavar="TIME", help="Judge validity at this time, not now.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def check(
    paa: str | None,
    pai_file: str | None,
    dac: str | None,
    cd: str | None,
    cd_signer: str | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """Judge certificates and declarations.

    By the rules of Matter, whoever made them. Exit 1 if one breaks a rule.
    """
    if cd_signer is not None and cd is None:
        raise click.UsageError("--cd-signer without --cd; legal: both, or --cd alone")
    one_standard_input(paa=paa, pai=pai_file, dac=dac, cd=cd, cd_signer=cd_signer)
    given = {CertificateKind.PAA: paa, CertificateKind.PAI: pai_file, CertificateKind.DAC: dac}
    if cd is None and not any(given.values()):
        raise click.UsageError("nothing to check; legal: --paa, --pai, --dac, --cd, one or more of them")
    parts = judge(
        Inputs(
            datetime.now(UTC) if at is None else at,
            {kind: read_one_certificate(file) for kind, file in given.items() if file is not None},
            None if cd is None else read_file(cd),
            None if cd_signer is None else read_one_certificate(cd_signer),
        )
    )
    ok = all(part.ok for part in parts)
    if as_json:
        click.echo(json.dumps({"ok": ok, "parts": [part.as_json() for part in parts]}, indent=2))
    else:
        print_lines((line for part in parts for line in _lines(part)), STYLES)
    if not ok:
        sys.exit(int(ExitCode.NO))


def _keys(seed: int | None) -> NextKey:
    if seed is None:
        return lambda _label: ec.generate_private_key(ec.SECP256R1())
    return lambda label: derive_key(seed, label)


def _lines(part: Part) -> Iterator[str]:
    yield f"{part.name:<12} {'keeps the rules' if part.ok else 'BREAKS RULES'}{_said(part)}"
    yield from (f"  {finding}" for finding in part.findings)


def _said(part: Part) -> str:
    """The facts that fit a line."""
    facts = part.facts
    if not facts:
        return ""
    ids = [
        "none" if number is None else f"0x{number:04X}"
        for number in (facts["vendor_id"], facts.get("product_id"))
    ]
    if "product_ids" in facts:
        ids[1] = ", ".join(f"0x{number:04X}" for number in facts["product_ids"])
        return f": VID {ids[0]}, PID {ids[1]}, {facts['certification_type']}, signature {facts['signature']}"
    return f": VID {ids[0]}, PID {ids[1]}, serial number {facts['serial_number']}, {facts['size']} bytes"
