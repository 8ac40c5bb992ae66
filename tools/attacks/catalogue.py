"""The catalogue as files for other people's verifiers: good tokens, one file a bad one, keys and an index."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..verifier import EcKey, Key
from ..verifier.identity import well_known
from ..verifier.verdict import Json
from .bases import Base
from .judging import forge_all, judge_unbent
from .mutation import ACCEPTED, Deserved, Forgery, Mutation

FORMAT: Final = "tfm-sim-token-catalogue"
VERSION: Final = 1
INDEX, LIST, README = "index.json", "index.md", "README.md"
README_FILE: Final = Path(__file__).parent / "catalogue_readme.md"


@dataclass(slots=True)
class Catalogue:
    """Files by their path below the catalogue's directory; the same bases and seed give the same bytes."""

    seed: int
    files: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    good: list[dict[str, Json]] = field(default_factory=list)
    cases: list[dict[str, Json]] = field(default_factory=list)
    _key_files: dict[Key, str] = field(default_factory=dict)

    def add(self, base: Base) -> None:
        """A good token and every mutation of it. Raises RefusedBefore if our own verifier refuses it."""
        subject = base.subject(self.seed)
        key = subject.means.trusted_key
        judge_unbent(subject, key)
        key_file = self._key_file(base.name, key)
        file = f"good/{base.name}.cbor"
        self.good.append({"name": base.name, "what": base.what, **self._token(file, base.token)})
        self.good[-1] |= {"key": key_file, "challenge": base.challenge.hex(), **deserved_json(ACCEPTED)}
        for mutation, forgery in forge_all(subject):
            file = f"cases/{base.name}/{mutation.name}.cbor"
            self.cases.append(
                {
                    "id": f"{base.name}/{mutation.name}",
                    "good": base.name,
                    **self._token(file, forgery.token),
                    "key": key_file,
                    "challenge": forgery.challenge.hex(),
                    **mutation_json(mutation),
                }
            )

    def close(self) -> dict[str, bytes]:
        """All files, with the indexes and the README."""
        index = {
            "format": FORMAT,
            "version": VERSION,
            "seed": self.seed,
            "keys": self.keys,
            "good": self.good,
            "cases": self.cases,
        }
        self.files[INDEX] = (json.dumps(index, indent=1) + "\n").encode()
        self.files[LIST] = ("\n".join(self._lines()) + "\n").encode()
        words = {"GOOD": str(len(self.good)), "CASES": str(len(self.cases)), "FORMAT": FORMAT}
        readme = re.sub(r"\b(GOOD|CASES|FORMAT)\b", lambda found: words[found[0]], README_FILE.read_text())
        self.files[README] = readme.encode()
        return dict(sorted(self.files.items()))

    def _token(self, file: str, token: bytes) -> dict[str, Json]:
        self.files[file] = token
        return {"file": file, "size": len(token), "sha256": hashlib.sha256(token).hexdigest()}

    def _key_file(self, name: str, key: Key) -> str:
        """The file of a key, which is written once; its name is of the first token that it verifies."""
        if key not in self._key_files:
            known = well_known(key)
            if isinstance(key, EcKey):
                file, kind = f"keys/{name}.pem", key.curve.label
                data = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            else:
                file, kind, data = f"keys/{name}.hex", "HMAC", key.secret.hex().encode() + b"\n"
            self.files[file] = data
            self.keys[file] = {"kind": kind, "published": known}
            self._key_files[key] = file
        return self._key_files[key]

    def _lines(self) -> Iterator[str]:
        yield "# Tokens and the verdicts that they deserve"
        for good in self.good:
            yield f"\n## {good['name']}\n"
            yield f"{good['what']}: `{good['file']}`, {good['size']} bytes, accepted. Key `{good['key']}`, "
            yield f"challenge `{good['challenge']}`.\n"
            yield "| case | what was done | verdict | why | rule |"
            yield "|---|---|---|---|---|"
            for case in self.cases:
                if case["good"] == good["name"]:
                    cells = (
                        case["mutation"],
                        case["what"],
                        _verdict_cell(case),
                        case["why"],
                        case["section"],
                    )
                    yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def build_catalogue(bases: Iterable[Base], seed: int) -> dict[str, bytes]:
    """The files of a catalogue by path. Raises RefusedBefore."""
    catalogue = Catalogue(seed)
    for base in bases:
        catalogue.add(base)
    return catalogue.close()


def deserved_json(deserved: Deserved) -> dict[str, Json]:
    """A verdict as data: the same words in the catalogue and on the command line."""
    found: dict[str, Json] = {
        "verdict": deserved.answer.name.lower(),
        "kinds": [kind.value for kind in sorted(deserved.kinds)],
        "match": "any" if deserved.any_of else "all",
    }
    strict = deserved.strict or Deserved(deserved.answer, deserved.kinds, deserved.any_of)
    found["strict"] = {
        "verdict": strict.answer.name.lower(),
        "kinds": [kind.value for kind in sorted(strict.kinds)],
        "match": "any" if strict.any_of else "all",
    }
    return found


def mutation_json(mutation: Mutation) -> dict[str, Json]:
    """A mutation as data."""
    return {
        "mutation": mutation.name,
        "what": mutation.what,
        "applies": mutation.applies,
        "signed_with": mutation.need.name.lower(),
        "new_challenge": mutation.new_challenge,
        **deserved_json(mutation.deserves),
        "why": mutation.rule.why,
        "section": mutation.rule.section,
    }


def forgery_json(mutation: Mutation, forgery: Forgery) -> dict[str, Json]:
    """A mutation with what it made."""
    made: dict[str, Json] = {"size": len(forgery.token), "token": forgery.token.hex()}
    return mutation_json(mutation) | {"challenge": forgery.challenge.hex(), **made}


def _verdict_cell(case: dict[str, Json]) -> str:
    kinds = case["kinds"]
    names = [str(kind) for kind in kinds] if isinstance(kinds, list) else []
    return f"{case['verdict']}" + (
        f": {(' or ' if case['match'] == 'any' else ', ').join(names)}" if names else ""
    )
