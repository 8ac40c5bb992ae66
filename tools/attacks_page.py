"""Writes docs/attacks.md: the attack library, from its registry and from runs of its commands."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from click.testing import CliRunner

from ..platform.provisioning import DUMMY
from .attacks import (
    bits,
    claim_values,
    components,
    composed,
    encodings,
    envelopes,
    frames,
    freshness,
    headers,
    lengths,
    more_claim_values,
    nests,
    profile_claims,
    signatures,
)
from .attacks.mutation import Deserved, Mutation, OnMessage
from .attacks.registry import MUTATIONS
from .attacks.subject import Part
from .cli.main import cli
from .generated_page import write_page

HEAD: Final = """\
# Attacks on tokens

A verifier is worth what it refuses. Here are {count} named mutations of a live token, each with the verdict
that the outcome deserves and the rule that says so: damage, forgeries, tokens played back, and authentic
tokens, signed by the device's own key, whose claims are wrong. Some deserve to be accepted, and a verifier
that refuses them is wrong too: another order of claims, a label that nobody signed, `n - s` in place of `s`.

They are made of any token that `tfm-sim verify` accepts: COSE_Sign1 and COSE_Mac0 of every profile, CCA
collections (tags 907 and 399), and tokens that nest their platform token.

## One token, one attack

Get a token; TF-M's dummy key signed it, which `tfm-sim provisioning show` prints as `iak`:

```
"""
FIND_KEY: Final = """\
`--key` takes a PEM private key too, for a COSE_Mac0 the secret, and `--realm-key` the private key of a
realm's token. Most attacks need neither: an outsider has the token alone. `--seed` chooses what is left to
chance, `--at N` which bit or byte, `-o` writes a file, `--json` says everything as data.

## Every attack on one token

`--list FILE` names those that apply. `--check FILE` has the verifier judge each, in lenient mode or with
`--strict`, and shows the verdict deserved beside the one given; exit 1 if any differs.

```
"""
CATALOGUE: Final = """\
```

From Python the same goes for a verifier of your own, if it answers with a `Verdict`:
`check(subject, key, verifier=yours)` of `tfm_sim.tools.attacks`.

## The catalogue as files

`tfm-sim token catalogue DIR` boots a device for each profile and each way to compose tokens, and writes every
good token, every mutation of it that applies, the keys and an index with the verdicts, reasons and sections.
The same seed gives the same bytes. `--token FILE --key KEY` does it for a token of yours, `--board` and
`--provisioning` for a device of yours.

"""
TAIL: Final = """\
## Where it ends

- A verdict is that of one token and one key. Who is trusted at all (trust anchors), which nonces were given
  out or used before, and whether claims are wanted (reference values, versions, lifecycles) is for the
  relying party's books and the appraisal: such cases deserve *accepted* here, and the table says so.
- The name of a reason is this verifier's. Another one's tests should hold the answer against the table, and
  read the reason as a hint.
- A realm's token is never a COSE_Mac0, and a platform token with a MAC is not attacked in every way.
"""
LEGEND: Final = """\
A name stands for up to three: on a token alone (T, the name as it is), and in a collection or nest on the
platform's token (P, `platform-NAME`) and on the realm's (R, `realm-NAME`). *Key* is what it is signed with,
and `signer` the true key. *Strictly* is the answer of `verify --strict`, where that is another.
"""
SESSION: Final = (
    f"attest --challenge {'2a' * 32} -o token.cbor --key-out iak.pem",
    "token mutate boot-seed-changed token.cbor -o forged.cbor",
    "verify forged.cbor --key iak.pem | head -2",
    "token mutate client-id-zero-resigned token.cbor --key iak.hex -o zero.cbor",
    "verify zero.cbor --key iak.pem | head -2",
)
TITLES: Final = (
    ("Damage", bits.MUTATIONS),
    ("Headers", headers.MUTATIONS),
    ("Envelope", envelopes.MUTATIONS),
    ("Signature", signatures.MUTATIONS),
    ("Order, repetition, trailing bytes, unknown claims", encodings.MUTATIONS),
    ("Heads and lengths", lengths.MUTATIONS),
    ("Forged claims and replay", freshness.MUTATIONS),
    ("Profile", profile_claims.MUTATIONS),
    ("Software components", components.MUTATIONS),
    ("Values of claims", claim_values.MUTATIONS),
    ("CCA claims and missing claims", more_claim_values.MUTATIONS),
)
_COMPOSED: Final = (
    ("The bond between two tokens", composed.MUTATIONS),
    ("The frame of a collection", frames.MUTATIONS),
    ("Nested tokens", nests.MUTATIONS),
)
SHOWN: Final = 5
_LETTER: Final = {Part.TOKEN: "T", Part.PLATFORM: "P", Part.REALM: "R"}


def render() -> str:
    """The page."""
    return "\n".join(
        (
            HEAD.format(count=len(MUTATIONS)) + "\n".join(_session()),
            "## The mutations\n",
            LEGEND,
            *_tables(),
            TAIL,
        )
    )


def _session() -> Iterator[str]:
    """What the commands say, in a folder of their own."""
    home = Path.cwd()
    with TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield f"$ echo {DUMMY.iak.hex()} > iak.hex"
            Path("iak.hex").write_text(DUMMY.iak.hex())
            for line in SESSION:
                yield from _run(line)
            yield "```\n\n" + FIND_KEY.rstrip("\n")
            check = list(_run("token mutate --check token.cbor --key iak.hex"))
            yield from (*check[: SHOWN + 1], "...", *check[-SHOWN:])
            yield CATALOGUE + "```"
            yield from _run("token catalogue out --token token.cbor --key iak.hex")
            yield "```\n"
            yield Path("out/README.md").read_text().partition("\n## index.json\n")[2].strip() + "\n"
        finally:
            os.chdir(home)


def _run(line: str) -> Iterator[str]:
    """The command as typed, and its output; of a pipe into `head -N` the first N lines."""
    yield f"$ tfm-sim {line}"
    words, _, pipe = line.partition(" | head -")
    output = CliRunner().invoke(cli, words.split()).output.rstrip("\n").split("\n")
    yield from (text.rstrip() for text in (output[: int(pipe)] if pipe else output))


def _tables() -> Iterator[str]:
    for title, templates in TITLES:
        yield f"### {title}\n"
        yield "| name | on | what it does | key | deserves | strictly | why | rule |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from (_message_row(template) for template in templates if template.possible_parts)
        yield ""
    for title, mutations in _COMPOSED:
        yield f"### {title}\n"
        yield "| name | on | what it does | key | deserves | strictly | why | rule |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from (_row(mutation, mutation.applies) for mutation in mutations)
        yield ""


def _message_row(template: OnMessage) -> str:
    parts = " ".join(_LETTER[part] for part in template.possible_parts)
    labels = "; ".join((parts, *(trait.label for trait in template.traits)))
    return _row(template.on(template.possible_parts[0]), labels, template.name)


def _row(mutation: Mutation, applies: str, name: str | None = None) -> str:
    strict = mutation.deserves.strict
    cells = (
        f"`{name or mutation.name}`",
        applies,
        mutation.what,
        mutation.need.name.lower(),
        _answer(mutation.deserves),
        _answer(strict) if strict is not None else "",
        mutation.rule.why,
        mutation.rule.section,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _answer(deserved: Deserved) -> str:
    return str(deserved)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page to the file that the one argument names; returns the exit code."""
    return write_page("attacks_page", sys.argv[1:] if arguments is None else arguments, render)


if __name__ == "__main__":
    sys.exit(main())
