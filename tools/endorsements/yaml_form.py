"""Endorsements as YAML for people: every byte string in hex, keys as PEM, one list a kind."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import yaml

from ...platform.yaml_source import YamlValue, parse_yaml
from ..verifier.keys import Key, KeyUnusable, MacKey, load_key
from .digests import SIZES, check_digest
from .model import (
    ANY_CLASS,
    CERTIFICATE,
    HASH_SIZES,
    IMPLEMENTATION_ID_SIZE,
    INSTANCE_ID_SIZE,
    REM_COUNT,
    Certification,
    ClassNames,
    Digest,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    RealmReference,
    ReferenceValue,
    TrustAnchor,
)
from .pem import public_pem

SYMMETRIC_WARNING: Final = (
    "# NOT SECURE to hand out: a secret below both verifies and forges the tokens of its device.\n"
)
_KINDS: Final = ("reference_values", "trust_anchors", "certifications", "platform_configs", "realms")
_COMPONENT: Final = ("digests", "type", "version", "signer_id")
_NAMES: Final = ("vendor", "model", "layer", "index")
_MAX_NUMBER: Final = (1 << 64) - 1
T = TypeVar("T")


def parse_endorsements_yaml(raw: bytes, name: str = "endorsements") -> Endorsements:
    """Endorsements from the YAML in ``raw``; ``name`` stands for the file in messages.

    Raises EndorsementError with FILE:LINE, what was found and what is legal, and nothing else.
    """
    document = parse_yaml(raw, name, EndorsementError)
    entries = document.mapping((), _KINDS)
    if not entries:
        raise document.error("no endorsements", "no keys", ", ".join(_KINDS))
    anchors = _each(entries.get("trust_anchors"), _trust_anchor)
    return Endorsements(
        reference_values=_each(entries.get("reference_values"), _reference_value),
        trust_anchors=tuple(anchor for anchor, _ in anchors),
        certifications=_each(entries.get("certifications"), _certification),
        platform_configs=_each(entries.get("platform_configs"), _platform_config),
        realms=_each(entries.get("realms"), _realm),
        anchor_names=tuple(names for _, names in anchors) if any(n != ANY_CLASS for _, n in anchors) else (),
    )


def _each(value: YamlValue | None, read: Callable[[YamlValue], T]) -> tuple[T, ...]:
    return () if value is None else tuple(read(item) for item in value.sequence())


def _reference_value(value: YamlValue) -> ReferenceValue:
    entries = value.mapping(("implementation_id", "digests"), (*_COMPONENT, "class"))
    return _component_of(entries, _implementation_id(entries), _names(entries))


def _component_of(
    entries: dict[str, YamlValue], implementation_id: bytes, names: ClassNames
) -> ReferenceValue:
    return ReferenceValue(
        implementation_id=implementation_id,
        digests=tuple(_digest(item) for item in entries["digests"].sequence(1))
        if "digests" in entries
        else (),
        signer_id=_sized(entries["signer_id"]) if "signer_id" in entries else None,
        type=entries["type"].scalar_text() if "type" in entries else None,
        version=entries["version"].scalar_text() if "version" in entries else None,
        names=names,
    )


def _trust_anchor(value: YamlValue) -> tuple[TrustAnchor, ClassNames]:
    entries = value.mapping(("implementation_id", "instance_id"), ("key", "secret", "class"))
    instance_id = entries["instance_id"].hex_bytes(INSTANCE_ID_SIZE)
    if instance_id[0] != 1:
        raise entries["instance_id"].error("not an instance id", f"first byte {instance_id[0]:#04x}", "0x01")
    if ("key" in entries) == ("secret" in entries):
        found = "both key and secret" if "key" in entries else "neither key nor secret"
        raise value.error("the key of a trust anchor", found, "one of key (PEM) and secret (hex)")
    anchor = TrustAnchor(_implementation_id(entries), instance_id, _key(entries))
    return anchor, _names(entries)


def _key(entries: dict[str, YamlValue]) -> Key:
    if "secret" in entries:
        return MacKey(_sized(entries["secret"]))
    value, legal = entries["key"], "a PEM block PUBLIC KEY on P-256, P-384 or P-521"
    text = value.scalar_text(legal)
    if "-----BEGIN PUBLIC KEY-----" not in text:
        raise value.error("not a public key", value.describe(), legal)
    try:
        return load_key(text)
    except KeyUnusable as error:
        found = str(error).removeprefix("key: ").partition(";")[0]
        raise value.error("not a public key", found, legal) from None


def _certification(value: YamlValue) -> Certification:
    entries = value.mapping(("implementation_id", "number"), ("components", "class"))
    implementation_id, names = _implementation_id(entries), _names(entries)
    components = _each(
        entries.get("components"),
        lambda item: _component_of(item.mapping((), _COMPONENT), implementation_id, names),
    )
    number = entries["number"].string("13 digits, dash, 5 digits", CERTIFICATE.pattern)
    return Certification(implementation_id, number, components, names)


def _platform_config(value: YamlValue) -> PlatformConfig:
    entries = value.mapping(("implementation_id", "value"), ("mask", "class"))
    config = entries["value"].hex_bytes()
    mask = entries["mask"].hex_bytes(len(config)) if "mask" in entries else None
    return PlatformConfig(_implementation_id(entries), config, mask, _names(entries))


def _realm(value: YamlValue) -> RealmReference:
    entries = value.mapping(("rim",), ("rems", "rpv"))
    rems: list[Digest | None] = []
    for item in entries["rems"].sequence(0, REM_COUNT) if "rems" in entries else ():
        rems.append(None if item.value is None else _digest(item))
    rpv = entries["rpv"].hex_bytes() if "rpv" in entries else None
    padded = (*rems, *[None] * (REM_COUNT - len(rems)))
    return RealmReference(_digest(entries["rim"]), padded, rpv)


def _digest(value: YamlValue) -> Digest:
    """[sha-256, HEX]."""
    if not isinstance(value.value, list) or len(value.value) != 2:
        raise value.error("not a digest", value.describe(), "[ALGORITHM, HEX]")
    algorithm, digest = value.value
    found = Digest(algorithm.choice({name: name for name in SIZES}), digest.hex_bytes())
    try:
        return check_digest(found, "digest")
    except EndorsementError as error:
        what, _, legal = str(error).partition("; legal: ")
        raise digest.error("wrong length", what.removeprefix("digest: "), legal) from None


def _implementation_id(entries: dict[str, YamlValue]) -> bytes:
    return entries["implementation_id"].hex_bytes(IMPLEMENTATION_ID_SIZE)


def _sized(value: YamlValue) -> bytes:
    data = value.hex_bytes()
    if len(data) not in HASH_SIZES:
        raise value.error("wrong length", f"{len(data)} bytes", "32, 48 or 64 bytes")
    return data


def _names(entries: dict[str, YamlValue]) -> ClassNames:
    if "class" not in entries:
        return ANY_CLASS
    found = entries["class"].mapping((), _NAMES)
    return ClassNames(
        vendor=found["vendor"].scalar_text() if "vendor" in found else None,
        model=found["model"].scalar_text() if "model" in found else None,
        layer=found["layer"].integer(0, _MAX_NUMBER) if "layer" in found else None,
        index=found["index"].integer(0, _MAX_NUMBER) if "index" in found else None,
    )


def endorsements_yaml(endorsements: Endorsements) -> str:
    """The YAML of endorsements. With symmetric keys it begins with a warning: they must stay secret.

    Raises EndorsementError for what this form cannot say.
    """
    document: dict[str, list[dict[str, Any]]] = {
        "reference_values": [_reference_entry(value) for value in endorsements.reference_values],
        "trust_anchors": [
            _anchor_entry(anchor, endorsements.names_of(n))
            for n, anchor in enumerate(endorsements.trust_anchors)
        ],
        "certifications": [_certification_entry(value) for value in endorsements.certifications],
        "platform_configs": [_config_entry(value) for value in endorsements.platform_configs],
        "realms": [_realm_entry(value) for value in endorsements.realms],
    }
    text = yaml.dump(
        {kind: entries for kind, entries in document.items() if entries},
        Dumper=_Dumper,
        sort_keys=False,
        width=1 << 16,
        default_flow_style=False,
    )
    secret = any(isinstance(anchor.key, MacKey) for anchor in endorsements.trust_anchors)
    return (SYMMETRIC_WARNING if secret else "") + str(text)


class _Pair(list[str]):
    """A list that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are; no anchors, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text and re.fullmatch(r"[ -~\n]*", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _pair(dumper: yaml.SafeDumper, pair: _Pair) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", pair, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Pair, _pair)


def _reference_entry(value: ReferenceValue) -> dict[str, Any]:
    if not value.digests:
        raise EndorsementError("a reference value without digest; legal in YAML: one or more")
    return {"implementation_id": value.implementation_id.hex()} | _component(value) | _class(value.names)


def _component(value: ReferenceValue) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if value.type is not None:
        entry["type"] = value.type
    if value.version is not None:
        entry["version"] = value.version
    if value.digests:
        entry["digests"] = _digest_entries(value.digests)
    if value.signer_id is not None:
        entry["signer_id"] = value.signer_id.hex()
    return entry


def _digest_entries(digests: Iterable[Digest]) -> list[_Pair]:
    return [_digest_entry(digest) for digest in digests]


def _digest_entry(digest: Digest) -> _Pair:
    if digest.algorithm not in SIZES:
        raise EndorsementError(f"digest algorithm {digest.algorithm!r}; legal in YAML: {', '.join(SIZES)}")
    return _Pair((digest.algorithm, digest.value.hex()))


def _anchor_entry(anchor: TrustAnchor, names: ClassNames) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "implementation_id": anchor.implementation_id.hex(),
        "instance_id": anchor.instance_id.hex(),
    }
    if isinstance(anchor.key, MacKey):
        entry["secret"] = anchor.key.secret.hex()
    else:
        entry["key"] = public_pem(anchor.key)
    return entry | _class(names)


def _certification_entry(value: Certification) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "implementation_id": value.implementation_id.hex(),
        "number": value.number,
    }
    if value.components:
        entry["components"] = [_component(component) for component in value.components]
    return entry | _class(value.names)


def _config_entry(value: PlatformConfig) -> dict[str, Any]:
    entry = {"implementation_id": value.implementation_id.hex(), "value": value.value.hex()}
    if value.mask is not None:
        entry["mask"] = value.mask.hex()
    return entry | _class(value.names)


def _realm_entry(value: RealmReference) -> dict[str, Any]:
    entry: dict[str, Any] = {"rim": _digest_entry(value.rim)}
    if any(rem is not None for rem in value.rems):
        entry["rems"] = [None if rem is None else _digest_entry(rem) for rem in value.rems]
    if value.rpv is not None:
        entry["rpv"] = value.rpv.hex()
    return entry


def _class(names: ClassNames) -> dict[str, Any]:
    given = {name: getattr(names, name) for name in _NAMES if getattr(names, name) is not None}
    return {"class": given} if given else {}
