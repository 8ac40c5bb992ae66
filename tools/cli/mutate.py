"""`tfm-sim token mutate` and `tfm-sim token catalogue`: attacks on tokens, with the verdicts they deserve."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from ...interface.errors import ExitCode, TfmSimError
from ...platform.provisioning import load_provisioning
from ..attacks import MUTATIONS, CheckedCase, Means, Mutation, NotApplicable, Subject, check, find_mutation
from ..attacks.bases import DEFAULT_BOARD, Base, boot_bases
from ..attacks.catalogue import build_catalogue, forgery_json, mutation_json
from ..attacks.mutation import KeyNeed
from ..tokens.cose_writer import SigningKey, load_private_key, load_signing_key
from ..verifier import KeyUnusable, load_key
from .output import FILE_NAME, STDIN, FileUnreadable, display, print_lines, read_file, write_file
from .token import read_token

STYLES: Final = (
    (r"^as deserved", "green"),
    (r"^DIFFERS", "bold red"),
    (r"^    .*", "dim"),
)

_key_option = click.option(
    "--key",
    "key_file",
    type=FILE_NAME,
    metavar="FILE",
    help="The token's key: a PEM private key, or a secret or private scalar as OTP holds it (raw, hex). "
    "A public key will do for mutations that sign nothing.",
)
_realm_key_option = click.option(
    "--realm-key", "realm_key_file", type=FILE_NAME, metavar="FILE", help="The private key of a realm token."
)
_seed_option = click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Chooses bits, keys and challenges of the attacker's.",
)


@click.command("mutate")
@click.argument("words", nargs=-1, metavar="[NAME] [FILE]")
@click.option(
    "-o",
    "--output",
    type=FILE_NAME,
    metavar="FILE",
    help="Where the mutated token goes; - is standard output.",
)
@_key_option
@_realm_key_option
@_seed_option
@click.option(
    "--at", type=click.IntRange(0), help="Which bit, or how many bytes are left, for those that say so."
)
@click.option("--list", "as_list", is_flag=True, help="List the mutations: all, or those that apply to FILE.")
@click.option(
    "--check", "as_check", is_flag=True, help="Judge every mutation of FILE; exit 1 if a verdict differs."
)
@click.option("--strict", is_flag=True, help="With --check: as `verify --strict` judges.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def mutate_command(
    words: tuple[str, ...],
    output: str | None,
    key_file: str | None,
    realm_key_file: str | None,
    seed: int,
    at: int | None,
    as_list: bool,
    as_check: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Attack the token in FILE by the mutation NAME (docs/attacks.md has them all).

    Standard output gets the mutated token as hex, standard error the verdict that it deserves. FILE holds a
    token's bytes or their hex; - reads standard input. `--list [FILE]` and `--check FILE` take no NAME.
    """
    if as_list and as_check:
        raise click.UsageError("--list with --check; legal: one of them")
    if strict and not as_check:
        raise click.UsageError("--strict without --check; legal: with it")
    if output is not None and (as_list or as_check or (as_json and output == STDIN)):
        raise click.UsageError("-o with --list, --check, or - with --json; legal: with a NAME")
    name, file = _names(words, no_name=as_list or as_check, needs_file=not as_list)
    if as_check and key_file is None:
        raise click.UsageError("--check without --key; legal: with the token's key, private or public")
    subject = _subject(file, key_file, realm_key_file, seed, at) if file is not None else None
    if as_list:
        _list(subject, as_json=as_json)
    elif as_check and subject is not None:
        _check(subject, strict=strict, as_json=as_json)
    elif name is not None and subject is not None:
        _mutate(find_mutation(name), subject, output, as_json=as_json)


@click.command("catalogue")
@click.argument("directory", type=FILE_NAME, metavar="DIR")
@click.option(
    "--token", "file", type=FILE_NAME, metavar="FILE", help="Only of this token, which needs --key."
)
@_key_option
@_realm_key_option
@click.option(
    "--board",
    type=FILE_NAME,
    default=DEFAULT_BOARD,
    show_default=True,
    metavar="BOARD",
    help="Which board boots.",
)
@click.option(
    "--provisioning", type=FILE_NAME, metavar="FILE", help="Keys and identities, not TF-M's dummies."
)
@_seed_option
def catalogue_command(
    directory: str,
    file: str | None,
    key_file: str | None,
    realm_key_file: str | None,
    board: str,
    provisioning: str | None,
    seed: int,
) -> None:
    """Write good and bad tokens, keys and an index to DIR, for the tests of another verifier.

    Boots a device for each profile and composition, and mutates each of their tokens in every way. DIR must
    be empty or not there; its README.md says what is what.
    """
    if (file is None) != (key_file is None):
        raise click.UsageError("--token and --key; legal: both or neither")
    target = _empty(directory)
    if file is not None:
        subject = _subject(file, key_file, realm_key_file, seed, None)
        bases: Iterator[Base] | list[Base] = [_base(subject)]
    else:
        values = load_provisioning(provisioning) if provisioning is not None else None
        bases = boot_bases(board, values, seed)
    files = build_catalogue(bases, seed)
    for name, data in files.items():
        path = target / name
        _make_directory(path.parent)
        write_file(path, data)
    good = sum(name.startswith("good/") for name in files)
    cases = sum(name.startswith("cases/") for name in files)
    print_lines([f"good tokens: {good}, cases: {cases}, written to {directory}"])


def _names(words: Sequence[str], *, no_name: bool, needs_file: bool) -> tuple[str | None, str | None]:
    """NAME and FILE; neither is always there."""
    wanted = [] if no_name else ["NAME"]
    legal = " ".join([*wanted, "FILE" if needs_file else "[FILE]"])
    if len(words) > len(wanted) + 1 or len(words) < len(wanted) + needs_file or "" in words:
        raise click.UsageError(
            f"found {' '.join(words) or 'nothing'!r}; legal here: {legal} (--list has the names)"
        )
    return (None, words[0] if words else None) if no_name else (words[0], words[1])


def _subject(
    file: str, key_file: str | None, realm_key_file: str | None, seed: int, at: int | None
) -> Subject:
    token = read_token(file)
    try:
        bare = Subject.of(token)
    except TfmSimError as error:
        raise FileUnreadable(f"{display(file)}: {error}") from None
    means = Means(seed=seed, at=at)
    if key_file is not None:
        signer = _signing_key(key_file, bare)
        means = Means(seed=seed, at=at, signer=signer)
        if signer is None:
            means = Means(seed=seed, at=at, public=load_key(read_file(key_file)))
    if realm_key_file is not None:
        realm = _signing_key(realm_key_file, bare)
        if realm is None:
            raise FileUnreadable(f"{display(realm_key_file)}: a public key; legal: a private one")
        means = Means(seed, means.signer, realm, means.public, at)
    return Subject.of(token, means)


def _signing_key(file: str, subject: Subject) -> SigningKey | None:
    """A private key or secret; None for a public key. Raises FileUnreadable for what is no key."""
    data = read_file(file)
    try:
        return load_signing_key(data) if subject.is_mac else load_private_key(data)
    except TfmSimError as no_private:
        try:
            load_key(data)
        except KeyUnusable:
            raise FileUnreadable(f"{display(file)}: {no_private}") from None
        return None


def _mutate(mutation: Mutation, subject: Subject, output: str | None, *, as_json: bool) -> None:
    try:
        forgery = mutation.forge(subject)
    except NotApplicable as error:
        if mutation.need is not KeyNeed.SIGNER:
            raise
        raise NotApplicable(f"{error}, by --key FILE (of a realm's token --realm-key FILE)") from None
    if output is not None:
        write_file(output, forgery.token)
    if as_json:
        click.echo(json.dumps(forgery_json(mutation, forgery), indent=2))
        return
    if output is None:
        click.echo(forgery.token.hex())
    lines = [
        f"{mutation.name}: {mutation.what}",
        f"  deserves   {mutation.deserves}",
        f"  because    {mutation.rule.why} ({mutation.rule.section})",
        f"  challenge  {forgery.challenge.hex()}{', a new one' if mutation.new_challenge else ''}",
    ]
    if mutation.deserves.strict is not None:
        lines.insert(2, f"  strictly   {mutation.deserves.strict}")
    print_lines(lines, STYLES, to_stderr=True)


def _list(subject: Subject | None, *, as_json: bool) -> None:
    found = [m for m in MUTATIONS.values() if subject is None or m.applies_to(subject)]
    if as_json:
        click.echo(json.dumps([mutation_json(mutation) for mutation in found], indent=2))
        return
    width = max((len(mutation.name) for mutation in found), default=0)
    print_lines(f"{mutation.name:<{width}}  {mutation.deserves}" for mutation in found)


def _check(subject: Subject, *, strict: bool, as_json: bool) -> None:
    cases = list(check(subject, subject.means.trusted_key, strict=strict))
    differing = sum(not case.as_deserved for case in cases)
    if as_json:
        click.echo(json.dumps([_case_json(case, strict=strict) for case in cases], indent=2))
    else:
        print_lines(_check_lines(cases, strict=strict), STYLES)
    if differing:
        sys.exit(int(ExitCode.NO))


def _check_lines(cases: Sequence[CheckedCase], *, strict: bool) -> Iterator[str]:
    width = max((len(case.mutation.name) for case in cases), default=0)
    for case in cases:
        word = "as deserved" if case.as_deserved else "DIFFERS"
        deserved = case.mutation.deserved(strict=strict)
        yield f"{word:<11}  {case.mutation.name:<{width}}  {deserved}"
        if not case.as_deserved:
            yield f"    given: {_given(case)}"
    right = sum(case.as_deserved for case in cases)
    yield f"{len(cases)} mutations, {right} judged as deserved, {len(cases) - right} not"


def _given(case: CheckedCase) -> str:
    findings = case.verdict.warnings if case.verdict.ok else case.verdict.reasons
    kinds = ", ".join(sorted({finding.kind.value for finding in findings}))
    return ("accepted" if case.verdict.ok else "refused") + (f": {kinds}" if kinds else "")


def _case_json(case: CheckedCase, *, strict: bool) -> dict[str, object]:
    return {
        **mutation_json(case.mutation),
        "judged_strictly": strict,
        "given": {
            "ok": case.verdict.ok,
            "reasons": [str(reason.kind) for reason in case.verdict.reasons],
            "warnings": [str(warning.kind) for warning in case.verdict.warnings],
        },
        "as_deserved": case.as_deserved,
    }


def _base(subject: Subject) -> Base:
    signer = subject.means.signer
    if signer is None:
        raise click.UsageError(
            "--key: a public key; legal: the private key, for most cases are signed with it"
        )
    return Base("token", "the token given", subject.token, subject.challenge, signer, subject.means.realm)


def _empty(directory: str) -> Path:
    path = Path(directory)
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileUnreadable(
                f"{directory}: is there and not empty; legal: an empty directory, or a new one"
            )
    except (OSError, ValueError) as error:
        raise FileUnreadable(f"{directory}: {error}; legal: a directory that can be written") from None
    return path


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileUnreadable(f"{path}: {error.strerror}; legal: a directory that can be written") from None
