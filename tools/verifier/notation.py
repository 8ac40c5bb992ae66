"""CBOR diagnostic notation (RFC 8949 8) with the names of claims and headers as comments."""

from collections.abc import Iterator, Mapping

from . import cbor
from .collection import CONTENT_EAT_CWT, LEGACY_COLLECTION, PLATFORM_TOKEN, REALM_TOKEN, Collection
from .cose import ALGORITHMS
from .envelope import HEADER_ALG, CoseKind, Envelope
from .profiles import Profile, lifecycle_state
from .shapes import Claim, ListOf, SubMap

INDENT = "  "
_HEADERS = {1: "alg", 2: "crit", 3: "content type", 4: "kid", 33: "x5chain"}
_SIMPLE = {20: "false", 21: "true", 22: "null", 23: "undefined"}
_LABELS = {PLATFORM_TOKEN: "platform token", REALM_TOKEN: "realm token"}
Table = Mapping[int, Claim]


def diagnose_envelope(envelope: Envelope, profile: Profile | None, depth: int = 0) -> Iterator[str]:
    """The lines of one COSE_Sign1 or COSE_Mac0, its wrapped maps opened as << ... >>."""
    pad = INDENT * depth
    opening = "".join(f"{tag}(" for tag in envelope.tags)
    name = envelope.kind.label if envelope.kind else "neither COSE_Sign1 nor COSE_Mac0"
    yield f"{pad}/ {name}, {envelope.size} bytes / {opening}["
    yield from _wrapped("protected", envelope.protected_raw, envelope.protected, None, depth + 1)
    yield f"{pad}{INDENT}/ unprotected / {_headers(envelope.unprotected)},"
    table = {claim.key: claim for claim in profile.claims} if profile else {}
    yield from _wrapped("payload", envelope.payload, envelope.claims, table, depth + 1)
    last = "tag" if envelope.kind is CoseKind.MAC0 else "signature"
    yield f"{pad}{INDENT}/ {last}, {len(envelope.signature)} bytes / h'{envelope.signature.hex()}'"
    yield f"{pad}]" + ")" * len(envelope.tags)


def diagnose_collection(collection: Collection, profiles: Mapping[str, Profile | None]) -> Iterator[str]:
    """The lines of a CCA collection; an entry that is no token is left out (its problem says why)."""
    legacy = collection.tag == LEGACY_COLLECTION
    opening = "".join(f"{tag}(" for tag in collection.tags)
    yield f"/ CCA collection, {collection.size} bytes / {opening}{{"
    for name, envelope in collection.parts:
        label = PLATFORM_TOKEN if name == "platform" else REALM_TOKEN
        yield f"{INDENT}/ {_LABELS[label]} / {label}: " + ("<<" if legacy else f"[{CONTENT_EAT_CWT}, <<")
        yield from diagnose_envelope(envelope, profiles.get(name), 2)
        comma = "," if name != collection.parts[-1][0] else ""
        yield f"{INDENT}>>" + ("" if legacy else "]") + comma
    yield "}" + ")" * len(collection.tags)


def diagnose(item: cbor.Item, table: Table | None = None, depth: int = 0) -> str:
    """One item; maps and arrays of maps take a line for each pair, named from ``table``."""
    pad = INDENT * depth
    match item:
        case cbor.Int():
            return str(item.value)
        case cbor.Bytes():
            return f"h'{item.value.hex()}'"
        case cbor.Text():
            return _text(item)
        case cbor.Float():
            return str(item.value).replace("inf", "Infinity").replace("nan", "NaN")
        case cbor.Simple():
            return _SIMPLE.get(item.number, f"simple({item.number})")
        case cbor.Tag():
            return f"{item.number}({diagnose(item.content, table, depth)})"
        case cbor.Array():
            if not any(isinstance(element, cbor.Map | cbor.Bytes) for element in item.items):
                return "[" + ", ".join(diagnose(element, table, depth) for element in item.items) + "]"
            lines = [f"{pad}{INDENT}{diagnose(element, table, depth + 1)}" for element in item.items]
            return "[\n" + ",\n".join(lines) + f"\n{pad}]"
        case cbor.Map():
            if not item.pairs:
                return "{}"
            lines = [f"{pad}{INDENT}{_pair(key, value, table, depth + 1)}" for key, value in item.pairs]
            return "{\n" + ",\n".join(lines) + f"\n{pad}}}"


def _pair(key: cbor.Item, value: cbor.Item, table: Table | None, depth: int) -> str:
    claim = table.get(key.value) if table and isinstance(key, cbor.Int) else None
    if claim is None:
        return f"{diagnose(key)}: {diagnose(value, None, depth)}"
    text = f"/ {claim.name} / {claim.key}: {diagnose(value, _nested(claim), depth)}"
    if claim.name == "security-lifecycle" and isinstance(value, cbor.Int):
        text += f" / 0x{value.value:04x}, {lifecycle_state(value.value) or 'no legal state'} /"
    return text


def _nested(claim: Claim) -> Table | None:
    match claim.shape:
        case ListOf(element=SubMap(claims=claims)):
            return {inner.key: inner for inner in claims}
        case _:
            return None


def _wrapped(name: str, raw: bytes, inner: cbor.Map | None, table: Table | None, depth: int) -> Iterator[str]:
    pad = INDENT * depth
    comment = f"{pad}/ {name}, {len(raw)} bytes / "
    if inner is None or not raw:
        yield f"{comment}h'{raw.hex()}',"
    elif table is None:
        yield f"{comment}<< {_headers(inner)} >>,"
    else:
        yield f"{comment}<< {diagnose(inner, table, depth)} >>,"


def _headers(headers: cbor.Map) -> str:
    return "{" + ", ".join(_header(key, value) for key, value in headers.pairs) + "}"


def _header(key: cbor.Item, value: cbor.Item) -> str:
    text = f"{diagnose(key)}: {diagnose(value)}"
    if not isinstance(key, cbor.Int) or key.value not in _HEADERS:
        return text
    if key.value == HEADER_ALG and isinstance(value, cbor.Int) and value.value in ALGORITHMS:
        text += f" / {ALGORITHMS[value.value].name} /"
    return f"/ {_HEADERS[key.value]} / {text}"


def _text(item: cbor.Text) -> str:
    if item.value is None:
        return f"/ text that is no UTF-8 / h'{item.raw.hex()}'"
    escaped = item.value.replace("\\", "\\\\").replace('"', '\\"')
    shown = "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in escaped)
    return f'"{shown}"'
