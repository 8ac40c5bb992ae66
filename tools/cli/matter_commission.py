"""`tfm-sim matter commission`: judge a Matter device as a commissioner does."""

import json
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import click

from ...interface.errors import ExitCode
from ...interface.matter.factory_data import FactoryDataTag
from ...platform.state import stored_board
from ..matter.commissioner import evidence
from ..matter.commissioner.commission import Commissioning, commission
from ..matter.commissioner.csr import CsrVerdict
from ..matter.commissioner.pase import check_passcode
from ..matter.commissioner.results import Verdict
from ..matter.commissioner.trust import Policy, TrustStore
from ..matter.commissioner.x509 import CertificateError
from ..matter.device_machine import MatterPlatform
from ..matter.factory_floor import PASSCODE, FactoryFloor, factory_data
from ..matter.matter_demo import deterministic
from ..matter.pki.certification_declaration import DeclarationSigner
from ..matter.pki.server import NOT_SECURE, PkiServer
from .certificate_files import read_one_certificate
from .matter_options import (
    chosen_platform,
    outcome_lines,
    platform_of_board,
    platform_options,
    verdict_line,
)
from .moments import UTC_TIME
from .output import (
    FILE_NAME,
    STDIN,
    FileUnreadable,
    Styles,
    display,
    one_standard_input,
    print_lines,
    read_file,
    write_file,
)

STYLES: Final[Styles] = (
    (r"\bACCEPTED\b", "bold green"),
    (r"\bREFUSED\b", "bold red"),
    (r"NOT SECURE", "bold red"),
)
_OF_A_DEVICE: Final = ("platform", "security", "mode", "state", "passcode", "output")


@click.command("commission")
@platform_options
@click.option(
    "--state",
    type=FILE_NAME,
    metavar="DIR",
    help="A device that a factory has provisioned, with its board; without it one is made on the spot.",
)
@click.option(
    "--passcode",
    type=int,
    help="What the device's label says; by default read off the factory data.",
)
@click.option(
    "--evidence",
    "evidence_file",
    type=FILE_NAME,
    metavar="FILE",
    help="No device: judge what -o wrote, - for standard input.",
)
@click.option(
    "--paa", "paas", type=FILE_NAME, metavar="FILE", multiple=True, help="A trusted authority, DER or PEM."
)
@click.option(
    "--cd-signer",
    "cd_signers",
    type=FILE_NAME,
    metavar="FILE",
    multiple=True,
    help="A trusted signer of certification declarations, DER or PEM.",
)
@click.option(
    "--test-cd/--no-test-cd",
    default=None,
    help="Let the test key of the Matter specification sign declarations; by default only without --paa.",
)
@click.option(
    "--ignore-unknown-tags", is_flag=True, help="Attestation elements may have context tags from 5 up."
)
@click.option("--at", type=UTC_TIME, metavar="TIME", help="Judge validity at this time, not now.")
@click.option("-o", "--output", type=FILE_NAME, metavar="FILE", help="Write the evidence as JSON.")
@click.option("--seed", type=int, default=None, help="Makes randoms, test PKI and a new device repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
@click.pass_context
def commission_command(
    context: click.Context,
    platform: str,
    security: int | None,
    mode: str | None,
    state: str | None,
    passcode: int | None,
    evidence_file: str | None,
    paas: tuple[str, ...],
    cd_signers: tuple[str, ...],
    test_cd: bool | None,
    ignore_unknown_tags: bool,
    at: datetime | None,
    output: str | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Commission a device: session, attestation, CSR.

    The device proves by its DAC that it is a certified product, and asks for an operational certificate.
    Every rule of the CHIP SDK's verifier is asked, in its order. Without --paa the test PKI of
    `matter provision` is trusted, NOT SECURE. Exit 1 if the device is refused.
    """
    if as_json and output == STDIN:
        raise click.UsageError("-o - and --json; legal: one of them on standard output")
    one_standard_input(evidence=evidence_file, paa=paas, cd_signer=cd_signers)
    now = datetime.now(UTC) if at is None else at
    policy = Policy(now, not paas if test_cd is None else test_cd, ignore_unknown_tags)
    if not paas:
        print_lines([f"warning: trusts the test PKI; {NOT_SECURE}"], STYLES, to_stderr=True)
    pki, trust = PkiServer.development(seed=seed or 0), _trust(paas, cd_signers, seed or 0)
    if evidence_file is not None:
        _refuse_device_options(context)
        verdicts = _judge(evidence_file, trust, policy)
        _tell(*verdicts, as_json=as_json)
        return
    try:
        check_passcode(PASSCODE if passcode is None else passcode)
    except ValueError as error:
        raise click.UsageError(f"--passcode: {error}") from None
    if state is not None and not _given(context, "platform") and security is None:
        platform, security = platform_of_board(stored_board(state) or "") or (platform, security)
    place = chosen_platform(platform, security, mode)
    outcome = _commission(place, pki, state, passcode, trust, policy, seed)
    if as_json:
        click.echo(json.dumps(outcome.as_json(), indent=2))
    else:
        print_lines(outcome_lines(outcome), STYLES, to_stderr=output == STDIN)
    if output is not None and outcome.evidence is not None:
        write_file(output, evidence.to_json(outcome).encode())
    if not outcome.ok:
        sys.exit(int(ExitCode.NO))


def _commission(
    platform: MatterPlatform,
    pki: PkiServer,
    state: str | None,
    passcode: int | None,
    trust: TrustStore,
    policy: Policy,
    seed: int | None,
) -> Commissioning:
    random = secrets.token_bytes if seed is None else deterministic(seed)
    if state is not None and stored_board(state) is None:
        raise FileUnreadable(f"{state}: holds no device; legal: one of `tfm-sim matter provision --state`")
    with FactoryFloor(platform, pki, seed=seed or 0, state=state) as floor:
        if state is None:
            floor.write(factory_data(DeclarationSigner.test()))
            floor.provision()
        if passcode is None:
            passcode = floor.read().number(FactoryDataTag.SPAKE2_SETUP_PASSCODE)
        return commission(
            floor.application(), PASSCODE if passcode is None else passcode, trust, policy, random
        )


def _judge(file: str, trust: TrustStore, policy: Policy) -> tuple[Verdict, CsrVerdict | None]:
    data = read_file(file)
    try:
        return evidence.judge(data, trust, policy)
    except evidence.EvidenceError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None


def _trust(paas: tuple[str, ...], cd_signers: tuple[str, ...], seed: int) -> TrustStore:
    authorities = {file: read_one_certificate(file) for file in paas}
    signers = {file: read_one_certificate(file) for file in cd_signers}
    for file, der in (authorities | signers).items():
        try:
            TrustStore.of([der], [der])
        except CertificateError as error:
            raise FileUnreadable(f"{display(file)}: {error}; legal: a certificate, DER or PEM") from None
    trusted = list(authorities.values()) or [PkiServer.development(seed=seed).paa_der]
    test = DeclarationSigner.test().certificate
    return TrustStore.of(trusted, signers.values(), test_cd_signers=[test])


def _refuse_device_options(context: click.Context) -> None:
    for parameter in _OF_A_DEVICE:
        if _given(context, parameter):
            option = "-o" if parameter == "output" else f"--{parameter}"
            raise click.UsageError(f"{option} and --evidence; legal: a device, or evidence of one")


def _given(context: click.Context, parameter: str) -> bool:
    return context.get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE


def _tell(attestation: Verdict, csr: CsrVerdict | None, *, as_json: bool) -> None:
    if as_json:
        both: dict[str, Any] = {
            "ok": attestation.ok and (csr is None or csr.ok),
            "attestation": attestation.as_json(),
            "csr": csr.as_json() if csr else None,
        }
        click.echo(json.dumps(both, indent=2))
    else:
        print_lines(_lines(attestation, csr), STYLES)
    if not attestation.ok or (csr is not None and not csr.ok):
        sys.exit(int(ExitCode.NO))


def _lines(attestation: Verdict, csr: CsrVerdict | None) -> Iterator[str]:
    for name, verdict in (("attestation", attestation), ("CSR", csr)):
        if verdict is not None:
            yield f"{name:<12}{verdict_line(verdict)}"
            if not verdict.ok:
                yield f"  because {verdict.reason}"
