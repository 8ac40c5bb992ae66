"""What the triples of a CoMID are made of, read and written alike by every profile."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..verifier.cbor import Map, Text
from ..verifier.keys import EcKey, KeyUnusable, MacKey, load_key
from .cbor_node import Node
from .corim import CLASS_KEYS, ENVIRONMENT_KEYS, MEASUREMENT_KEYS, MVAL_KEYS, VERSION_KEYS
from .digests import NUMBER_OF, NUMBERS, check_digest
from .encoding import Tagged, Value
from .model import (
    HASH_SIZES,
    IMPLEMENTATION_ID_SIZE,
    INSTANCE_ID_SIZE,
    ClassNames,
    Digest,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    ReferenceValue,
    TrustAnchor,
)
from .pem import public_pem

URI_TAG, UEID_TAG, KEY_TAG, BYTES_TAG, MASKED_TAG = 32, 550, 554, 560, 563
CERTIFICATE_NUMBER: Final = re.compile(r"([0-9]{13}) - ([0-9]{5})")
"""draft-ietf-rats-corim psa-cert-num: spaces around the dash, other than claim 2398."""
_PEM: Final = re.compile(
    r"-----BEGIN PUBLIC KEY-----\r?\n[A-Za-z0-9+/=\r\n]+-----END PUBLIC KEY-----(\r?\n)?"
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The subject of a triple."""

    node: Node
    class_id: Node | None
    names: ClassNames
    instance: Node | None
    group: Node | None = None

    @classmethod
    def read(cls, node: Node) -> "Environment":
        """Raises EndorsementError."""
        entries = node.map(ENVIRONMENT_KEYS)
        if not entries:
            raise node.wrong("one or more of class, instance, group")
        found: dict[int, Node] = {}
        if 0 in entries:
            found = entries[0].map(CLASS_KEYS)
            if not found:
                raise entries[0].wrong("one or more of class-id, vendor, model, layer, index")
        names = ClassNames(
            vendor=found[1].text() if 1 in found else None,
            model=found[2].text() if 2 in found else None,
            layer=found[3].integer(0, "an integer from 0") if 3 in found else None,
            index=found[4].integer(0, "an integer from 0") if 4 in found else None,
        )
        return cls(node, found.get(0), names, entries.get(1), entries.get(2))

    def check_class_alone(self) -> None:
        """PSA endorsements 3.1: what is said of software holds for a class, never for one device of it.

        Ignored, an instance would endorse its software for every device. Raises EndorsementError.
        """
        for entry in (self.instance, self.group):
            if entry is not None:
                raise EndorsementError(f"{entry.path}: found; legal in this profile: a class alone")

    def class_bytes(self, tag: int, what: str, *sizes: int) -> bytes:
        """The class id, in the tag of the profile."""
        if self.class_id is None:
            raise EndorsementError(f"{self.node.path}: no class-id; legal: the {what}")
        return self.class_id.tagged(tag, what=f"the {what}").octets(*sizes)

    def implementation_id(self, tag: int) -> bytes:
        """PSA endorsements 3.2: the class id is the implementation id, 32 bytes."""
        return self.class_bytes(tag, "implementation id", IMPLEMENTATION_ID_SIZE)

    def instance_id(self) -> bytes:
        """PSA endorsements 3.2: the instance is a UEID of 33 bytes, the first 0x01."""
        if self.instance is None:
            raise EndorsementError(f"{self.node.path}: no instance; legal: the instance id (tag {UEID_TAG})")
        node = self.instance.tagged(UEID_TAG, what="the instance id")
        data = node.octets(INSTANCE_ID_SIZE)
        if data[0] != 1:
            raise node.error(f"first byte {data[0]:#04x}", "0x01, a UEID of type RAND")
        return data


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement-map: its key, and its values by their numbers."""

    node: Node
    mkey: Node | None
    values: Mapping[int, Node]

    @classmethod
    def read(cls, node: Node) -> "Measurement":
        """Raises EndorsementError, also for values that are none."""
        entries = node.map(MEASUREMENT_KEYS, (1,))
        if 2 in entries:
            raise EndorsementError(f"{entries[2].path}: found; legal in this profile: without it")
        values = entries[1].map(MVAL_KEYS)
        if isinstance(entries[1].item, Map) and not entries[1].item.pairs:
            raise entries[1].error("an empty map", "one measurement value or more")
        return cls(node, entries.get(0), values)

    def text_key(self, *legal: str) -> str:
        """The measurement key, which is one of these texts."""
        named = " or ".join(map(repr, legal))
        if self.mkey is None:
            raise EndorsementError(f"{self.node.path}: no mkey; legal: {named}")
        text = self.mkey.text(named)
        if text not in legal:
            raise self.mkey.wrong(named)
        return text

    def digests(self) -> tuple[Digest, ...]:
        """None where there are none; a verifier's appraisal, not the profile, demands one."""
        return read_digests(self.values[2]) if 2 in self.values else ()

    def name(self) -> str | None:
        """The component's type."""
        return self.values[11].text() if 11 in self.values else None

    def version(self) -> str | None:
        """The version's text; the profiles of Arm forbid a scheme beside it."""
        if 0 not in self.values:
            return None
        entries = self.values[0].map(VERSION_KEYS, (0,))
        if 1 in entries:
            raise EndorsementError(f"{entries[1].path}: found; legal in this profile: without it")
        text = entries[0].text()
        if not text:
            raise entries[0].error("an empty text", "a version")
        return text

    def signer_id(self) -> bytes:
        """PSA endorsements 3.3: cryptokeys is mandatory, one entry, tag 560, of a hash's size."""
        if 13 not in self.values:
            raise EndorsementError(f"{self.node.path}: no cryptokeys; legal: the signer id")
        entry = self.values[13].array(1, 1)[0]
        return entry.tagged(BYTES_TAG, what="the signer id").octets(*HASH_SIZES)

    def optional_signer_id(self) -> bytes | None:
        """The same where it may be left out."""
        return self.signer_id() if 13 in self.values else None


def read_digests(node: Node) -> tuple[Digest, ...]:
    """draft-ietf-rats-corim 7.7: one entry or more, each of another algorithm. Raises EndorsementError."""
    found = tuple(read_digest(entry) for entry in node.array(1))
    names = [digest.algorithm for digest in found]
    for name in names:
        if names.count(name) > 1:
            raise node.error(f"{name} twice", "each algorithm once")
    return found


def read_digest(node: Node) -> Digest:
    """[algorithm, bytes]: a number or a name of the IANA registry. Raises EndorsementError."""
    algorithm, value = node.array(2, 2)
    if isinstance(algorithm.item, Text):
        name = algorithm.text()
    else:
        legal = "the name or number of a hash algorithm (IANA named information)"
        number = algorithm.integer(legal=legal)
        if number not in NUMBERS:
            known = ", ".join(f"{key} {text}" for key, text in NUMBERS.items())
            raise algorithm.wrong(f"{legal}: {known}")
        name = NUMBERS[number]
    return check_digest(Digest(name, value.octets()), node.path)


def read_key(node: Node, *, bare: bool = False) -> EcKey:
    """A public key: a PEM block and nothing beside it; with ``bare`` also base64 without its lines.

    Raises EndorsementError.
    """
    text = node.tagged(KEY_TAG, what="a public key").text()
    return parse_key(text, node, bare=bare)


def parse_key(text: str, node: Node, *, bare: bool = False) -> EcKey:
    """The same of a text. Raises EndorsementError."""
    legal = (
        "a PEM block PUBLIC KEY with its first and last line, and nothing behind it, on P-256, P-384 or P-521"
    )
    if bare and "-----" not in text:
        body = "".join(text.split())
        text = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    if not _PEM.fullmatch(text):
        raise node.error(f"a text of {len(text)} characters", legal)
    try:
        key = load_key(text.encode())
    except KeyUnusable as error:
        raise node.error(str(error).removeprefix("key: found ").partition(";")[0], legal) from None
    assert isinstance(key, EcKey)  # a PEM block holds nothing else
    return key


def read_trust_anchor(triple: Node, class_tag: int) -> tuple[TrustAnchor, ClassNames]:
    """PSA endorsements 3.4: an environment with class and instance, and exactly one key.

    Raises EndorsementError.
    """
    subject, keys, *_ = triple.array(2, 3)
    environment = Environment.read(subject)
    implementation_id = environment.implementation_id(class_tag)
    instance_id = environment.instance_id()
    key = read_key(keys.array(1, 1)[0])
    return TrustAnchor(implementation_id, instance_id, key), environment.names


def read_certificate_number(node: Node) -> str:
    """The number as claim 2398 spells it, without the spaces of a CoRIM. Raises EndorsementError."""
    found = CERTIFICATE_NUMBER.fullmatch(node.text())
    if found is None:
        raise node.wrong("13 digits, space, hyphen, space, 5 digits")
    return "-".join(found.groups())


def certificate_number(number: str) -> str:
    """The other way round: the spelling of a CoRIM."""
    return number.replace("-", " - ")


def environment(class_id: Tagged, names: ClassNames, instance_id: bytes | None = None) -> Mapping[int, Value]:
    """An environment-map."""
    made: dict[int, Value] = {0: class_id}
    made |= {
        key: value
        for key, value in ((1, names.vendor), (2, names.model), (3, names.layer), (4, names.index))
        if value is not None
    }
    return {0: made} if instance_id is None else {0: made, 1: Tagged(UEID_TAG, instance_id)}


def digest_list(digests: Iterable[Digest], *, numbers: bool = False) -> list[Value]:
    """digests-type: algorithms by name as in the profiles of 2025, or by ``numbers`` as in the older ones.

    Raises EndorsementError for an algorithm that has no number.
    """
    named: list[Value] = []
    for digest in digests:
        if numbers and digest.algorithm not in NUMBER_OF:
            raise EndorsementError(f"digest algorithm {digest.algorithm!r}; legal: {', '.join(NUMBER_OF)}")
        named.append([NUMBER_OF[digest.algorithm] if numbers else digest.algorithm, digest.value])
    return named


def key_triple(anchor: TrustAnchor, class_id: Tagged, names: ClassNames) -> Value:
    """An attest-key triple. Raises EndorsementError for a symmetric key, which no CoRIM can carry."""
    if isinstance(anchor.key, MacKey):
        raise EndorsementError(
            f"trust anchor {anchor.instance_id.hex()}: a symmetric key; legal in a CoRIM: a public key. YAML "
            "can carry it, for a verifier that shares the secret"
        )
    pem = public_pem(anchor.key).rstrip("\n")
    return [environment(class_id, names, anchor.instance_id), [Tagged(KEY_TAG, pem)]]


def value_triples(
    class_tag: int, measured: Iterable[tuple[ReferenceValue | PlatformConfig, Value]]
) -> list[Value]:
    """Environments with their measurements: one triple for all that is measured of an implementation."""
    groups: dict[tuple[bytes, ClassNames], list[Value]] = {}
    for value, encoded in measured:
        groups.setdefault((value.implementation_id, value.names), []).append(encoded)
    return [
        [environment(Tagged(class_tag, implementation_id), names), measurements]
        for (implementation_id, names), measurements in groups.items()
    ]


def check_carried(endorsements: Endorsements, *, configs: bool) -> None:
    """Raises EndorsementError for what has no place in a CoRIM of devices, with or without ``configs``."""
    if endorsements.realms:
        raise EndorsementError("realms in a CoRIM of devices; legal: in one of their own")
    if endorsements.platform_configs and not configs:
        raise EndorsementError("a platform configuration in a PSA CoRIM; legal: in one of a CCA platform")
