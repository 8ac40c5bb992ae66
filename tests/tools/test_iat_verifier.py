"""Our tokens and YAML with TF-M's own iat-verifier, where `pytest --iat-verifier DIR` says where it is.

DIR is tf-m-tools' folder iat-verifier, with the tool installed in DIR/.venv (docs/tokens.md). What it refuses
stands here with its own words: some of it are limits of the tool.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.partition_bench import make_hal, start_partitions
from support.token_parts import NSPE, SPE, boot_status, load_recording

import tfm_sim
from tfm_sim.firmware_build import Build
from tfm_sim.interface.psa.initial_attestation import InitialAttestation
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, SignatureOf2019, TokenVariant
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, provisioned_otp
from tfm_sim.tools.delegated_demo import Demonstration, demonstrate
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.realm import BindingHash, Composition
from tfm_sim.tools.tokens.compiler import Choices, compile_token
from tfm_sim.tools.tokens.cose_writer import SigningKey, load_signing_key
from tfm_sim.tools.tokens.decompiler import decompile
from tfm_sim.tools.tokens.source import read_source
from tfm_sim.tools.tokens.yaml_nodes import Source
from tfm_sim.tools.verifier import decode, verify

CHALLENGE = bytes(range(32))
P1, P2, CCA, PLATFORM = "PSA-IoT-Profile1-token", "PSA-2.0.0-token", "CCA-token", "CCA-plat-token"
GOOD = "Signature OK\nToken format OK\n"
LEGACY_PROFILE = 'Legacy Attest profile "http://arm.com/psa/2.0.0"'
VECTORS = load_recording("attestation-vectors.json")
TOKENS = {entry["name"]: bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class IatVerifier:
    """The tool's commands; ``folder`` is for files on the way."""

    home: Path
    folder: Path

    @property
    def samples(self) -> Path:
        return self.home / "tests" / "data"

    def run(self, command: str, *arguments: object, folder: Path | None = None) -> Said:
        call = [str(self.home / ".venv" / "bin" / command), *map(str, arguments)]
        done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder or self.folder)
        return Said(done.returncode, done.stdout, done.stderr)

    def check(self, kind: str, token: bytes, key: bytes, *options: str) -> Said:
        """check_iat, strict unless ``options`` say "lenient"; a key that is no PEM is a secret."""
        (self.folder / "token.cbor").write_bytes(token)
        (self.folder / "key").write_bytes(key)
        arguments = [option for option in options if option != "lenient"]
        arguments += ["-s"] if "lenient" not in options else []
        arguments += ["-m", "mac"] if not key.startswith(b"-----BEGIN") else []
        return self.run("check_iat", "-t", kind, "-k", "key", *arguments, "token.cbor")


@pytest.fixture
def tool(request: pytest.FixtureRequest, tmp_path: Path) -> IatVerifier:
    home = request.config.getoption("--iat-verifier")
    if home is None:
        pytest.skip("no iat-verifier: --iat-verifier DIR says where it is")
    found = IatVerifier(Path(home).resolve(), tmp_path)
    for needed in (found.home / ".venv" / "bin" / "check_iat", found.samples):
        assert needed.exists(), f"--iat-verifier {home}: {needed} is missing"
    return found


@cache
def from_device(config: AttestationConfig) -> tuple[bytes, bytes]:
    """A token of a booted device, and the key that verifies it."""
    with tfm_sim.boot(build=Build(attestation=config)) as device:
        token = device.psa.initial_attestation.get_token(CHALLENGE)
        return token, iak_verification_key(device.hardware)


def from_key(iak: bytes, kind: IakType, area: bytes | None = None) -> bytes:
    """A profile 1 token of a device with another key or boot status than the demonstration's."""
    hal = make_hal(provisioned_otp(replace(DUMMY, iak=iak, iak_type=kind), OtpLayout(iak_size=66)))
    config = AttestationConfig(symmetric=kind.is_symmetric, max_token_size=0x800)
    crypto = CryptoConfig(builtin_max_key_length=66)
    status = boot_status(SPE, NSPE) if area is None else area
    return InitialAttestation(start_partitions(config, crypto, status, hal=hal).ns).get_token(CHALLENGE)


OF_2019 = AttestationConfig(TokenVariant.TFM_2019, signature_of_2019=SignatureOf2019.ES256)


@pytest.mark.parametrize(
    "build, kind, options, code, said",
    [
        (AttestationConfig(TokenVariant.PSA_IOT_PROFILE_1), P1, "", 0, ""),
        (AttestationConfig(TokenVariant.PSA_IOT_PROFILE_1, optional_claims=False), P1, "", 0, ""),
        (AttestationConfig(TokenVariant.PSA_IOT_PROFILE_1, cose_key_id=True), P1, "", 0, ""),
        (AttestationConfig(TokenVariant.PSA_IOT_PROFILE_1, symmetric=True), P1, "", 0, ""),
        (AttestationConfig(TokenVariant.PSA_IOT_PROFILE_1_2022), P1, "", 0, ""),
        (AttestationConfig(TokenVariant.PSA_2_0_0), P2, "", 0, LEGACY_PROFILE),
        (AttestationConfig(TokenVariant.PSA_2_0_0, symmetric=True), P2, "", 0, LEGACY_PROFILE),
        (AttestationConfig(TokenVariant.RFC_9783), P2, "", 1, "Unexpected TOKEN_ROOT_CLAIMS claim: 268"),
        (AttestationConfig(TokenVariant.RFC_9783), P2, "lenient", 1, 'missing MANDATORY claim "BOOT_SEED"'),
        (AttestationConfig(TokenVariant.CCA_2023), PLATFORM, "", 0, ""),
        (AttestationConfig(TokenVariant.CCA_2023, optional_claims=False), PLATFORM, "", 0, ""),
        (AttestationConfig(TokenVariant.CCA_1_0_0), PLATFORM, "", 0, ""),
        # 2019: the hardware version has 18 digits, and the first signature was none.
        (OF_2019, P1, "", 1, "HARDWARE_VERSION length; must be 19 characters, found 18 characters"),
        (AttestationConfig(TokenVariant.TFM_2019), P1, "", 1, "Bad signature"),
    ],
)
def test_tokens_of_each_variant(
    build: AttestationConfig, kind: str, options: str, code: int, said: str, tool: IatVerifier
) -> None:
    token, key = from_device(build)
    answer = tool.check(kind, token, key, *options.split())
    assert (answer.code, answer.out) == (code, "" if code else GOOD)
    assert said in answer.err
    assert bool(said) == bool(answer.err)


@pytest.mark.parametrize("kind", [IakType.SECP_R1, IakType.HMAC])
def test_a_token_without_software_measurements(kind: IakType, tool: IatVerifier) -> None:
    token = from_key(DUMMY.iak, kind, area=b"")
    key = DUMMY.iak if kind.is_symmetric else from_device(AttestationConfig())[1]
    assert tool.check(P1, token, key) == Said(0, GOOD, "")


@pytest.mark.parametrize(("curve", "size"), [(ec.SECP384R1(), 48), (ec.SECP521R1(), 66)])
def test_tokens_of_larger_curves(curve: ec.EllipticCurve, size: int, tool: IatVerifier) -> None:
    iak = b"\0" + b"\7" * (size - 1)
    public = ec.derive_private_key(int.from_bytes(iak, "big"), curve).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert tool.check(P1, from_key(iak, IakType.SECP_R1), pem) == Said(0, GOOD, "")


@pytest.mark.parametrize(("kind", "size"), [(IakType.HMAC_384, 48), (IakType.HMAC_512, 64)])
def test_longer_macs_are_beyond_the_tool(kind: IakType, size: int, tool: IatVerifier) -> None:
    answer = tool.check(P1, from_key(b"\7" * size, kind), b"\7" * size)
    assert (answer.code, answer.out) == (1, "")
    assert "Key length should be either 16, 24, or 32 bytes" in answer.err


def test_a_changed_token_and_another_key_are_refused(tool: IatVerifier) -> None:
    token, key = from_device(AttestationConfig())
    assert "Bad signature" in tool.check(P1, token[:-1] + bytes([token[-1] ^ 1]), key).err
    assert "Bad signature" in tool.check(P1, token.replace(CHALLENGE, bytes(32)), key).err
    other = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert tool.check(P1, token, pem).code == 1


@cache
def demonstration(bits: int, binding: BindingHash) -> Demonstration:
    return demonstrate(bits=bits, binding=binding)


INDICATOR = "Expecting a type indicator (token must be a list)"
CURVE = "Realm signature doesn't match Realm Public Key claim in Realm token"
CHALLENGE_LENGTH = "Invalid CCA_PLATFORM_CHALLENGE length: must be exactly 32 bytes, found"
NOT_TAG_907 = "token CCA_TOKEN is wrapped in tag 0x12 instead of 0x38b"


@pytest.mark.parametrize(
    "bits, binding, form, code, said",
    [
        (384, BindingHash.SHA_256, Composition.CCA, 0, ""),
        (384, BindingHash.SHA_256, Composition.LEGACY, 1, INDICATOR),
        (384, BindingHash.SHA_256, Composition.NESTED, 1, NOT_TAG_907),
        # Limits of the tool: the realm's algorithm is ES384 and the binding SHA-256, whatever 44240 says.
        (256, BindingHash.SHA_256, Composition.CCA, 1, CURVE),
        (521, BindingHash.SHA_256, Composition.CCA, 1, CURVE),
        (384, BindingHash.SHA_384, Composition.CCA, 1, f"{CHALLENGE_LENGTH} 48 bytes"),
        (384, BindingHash.SHA_512, Composition.CCA, 1, f"{CHALLENGE_LENGTH} 64 bytes"),
    ],
)
def test_composed_tokens(
    bits: int, binding: BindingHash, form: Composition, code: int, said: str, tool: IatVerifier
) -> None:
    shown = demonstration(bits, binding)
    token, key = shown.token(form), shown.verification_key
    assert verify(token, key).ok  # our verifier knows them all
    answer = tool.check(CCA, token, key)
    assert (answer.code, answer.out) == (code, "" if code else GOOD)
    assert said in answer.err
    assert tool.check(PLATFORM, shown.platform_token, key) == Said(0, GOOD, "")


@pytest.mark.parametrize(
    "name, said",
    [
        ("other-key", "Invalid CCA_PLATFORM_CHALLENGE byte at 0"),
        ("other-signer", CURVE),
        ("swapped-platform", "Bad signature"),
        ("changed-realm", CURVE),
        ("wrong-binder", None),  # 44240 names another hash: the tool does not look
        ("replayed", None),  # nor has it an option for the challenge
    ],
)
def test_forged_collections(name: str, said: str | None, tool: IatVerifier) -> None:
    shown = demonstration(384, BindingHash.SHA_256)
    (trial,) = (t for t in shown.forged if t.name == name and t.form is Composition.CCA)
    assert not trial.verdict.ok
    answer = tool.check(CCA, trial.token, shown.verification_key)
    assert answer.code == (0 if said is None else 1)
    assert (said or "") in answer.err


# ---- YAML


def kind_of(name: str) -> tuple[str, list[str]]:
    """The token type of one of the tool's own files, and the options of compile_token for its keys."""
    if name.startswith(("cca_example_token", "valid-cca", "cca-invalid")):
        return CCA, ["--platform-key", "cca_platform.pem", "--realm-key", "cca_realm.pem"]
    if name.startswith("cca_"):
        return PLATFORM, ["--platform-key", "cca_platform.pem"]
    return (P2 if name.startswith("psa-2") else P1), ["-k", "key.pem"]


def test_the_tools_own_files_compile_to_the_bytes_that_it_makes_of_them(tool: IatVerifier) -> None:
    def key(name: str) -> SigningKey:
        return load_signing_key((tool.samples / name).read_bytes())

    compiled = []
    for file in sorted(tool.samples.glob("*.yaml")):
        kind, options = kind_of(file.name)
        theirs = tool.folder / "theirs.cbor"
        said = tool.run("compile_token", "-t", kind, *options, "-o", theirs, file.name, folder=tool.samples)
        if file.name == "unexpected-claim.yaml":  # the tool compiles strictly, and refuses its own sample
            assert "KeyError: 3" in said.err
            continue
        assert said.code == 0, said.err
        includes: Callable[[str], bytes] = lambda name: (tool.samples / name).read_bytes()  # noqa: E731
        source = read_source(Source(includes), file.read_bytes(), file.name)
        keys = Choices(key(options[1]), key(options[3]) if kind == CCA else None)
        ours, made = decode(compile_token(source, keys)), decode(theirs.read_bytes())
        for mine, yours in zip(ours.parts, made.parts, strict=True):
            assert mine.envelope.payload == yours.envelope.payload, file.name
            assert mine.envelope.protected_raw == yours.envelope.protected_raw
            assert mine.envelope.tags == yours.envelope.tags
        assert ours.size == made.size
        compiled.append(file.name)
    assert len(compiled) >= 17


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_compile_token_takes_our_decompiled_yaml(name: str, tool: IatVerifier) -> None:
    token = TOKENS[name]
    decoded = decode(token)
    made = decompile(token, decoded, for_iat_verifier=True)
    (tool.folder / "token.yaml").write_text(made.text)
    kind = CCA if len(decoded.parts) == 2 else kind_of_part(made.text)
    both = ("--platform-key", "cca_platform.pem", "--realm-key", "cca_realm.pem")
    keys: dict[str, tuple[str, ...]] = {CCA: both, PLATFORM: both[:2]}
    options = [
        option if option.startswith("-") else str(tool.samples / option)
        for option in keys.get(kind, ("-k", "key.pem"))
    ]
    said = tool.run("compile_token", "-t", kind, *options, "-o", "again.cbor", "token.yaml")
    assert said.code == 0, said.err
    again = decode((tool.folder / "again.cbor").read_bytes())
    same = [
        mine.envelope.payload == yours.envelope.payload
        for mine, yours in zip(decoded.parts, again.parts, strict=True)
    ]
    # A claim that is left out, and told, is all that may be missing.
    assert all(same) or any("no words" in what or "no name" in what for what in made.left_out)


def kind_of_part(text: str) -> str:
    if "cca_attestation_profile" in text:
        return PLATFORM
    return P2 if "http://arm.com/psa/2.0.0" in text or "tag:psacertified.org" in text else P1


def test_with_the_seed_at_2397_the_rfcs_profile_is_accepted(tool: IatVerifier) -> None:
    """iat-verifier knows the string of RFC 9783 but not the key of its boot seed."""
    token = TOKENS["derived-p2_268"]
    text = decompile(token, decode(token)).text.replace("eat_boot_seed", "boot_seed")
    key = VECTORS["keys"]["tfm-dummy-iak"]["pem_private"].encode()
    made = compile_token(read_source(Source(), text.encode(), "t.yaml"), Choices(load_signing_key(key)))
    assert tool.check(P2, made, key) == Said(0, GOOD, "")
