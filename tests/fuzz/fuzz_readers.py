"""Everything that reads what others wrote, under a coverage-guided fuzzer, for as long as it may run.

    .venv/bin/python tests/fuzz/fuzz_readers.py [DIR...] [libFuzzer options, such as -max_total_time=600]

The first byte of an input chooses a reader of `READERS`, the rest is what it reads: tokens, CoRIM and YAML of
endorsements, policies, token descriptions, attestation results. Only a reader's own error may come out, and
what it has read must be printable. Wants the extra ``fuzz``; pytest does not collect this.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["tfm_sim"]):
    from support.token_parts import load_recording

    from tfm_sim.interface.errors import TfmSimError
    from tfm_sim.tools.appraisal import EarForm, Mode, appraise, load_policy
    from tfm_sim.tools.appraisal.ear_check import EarInvalid, read_unverified
    from tfm_sim.tools.endorsements import Endorsements, load_endorsements
    from tfm_sim.tools.endorsements.corim_show import corim_lines, show_corim
    from tfm_sim.tools.endorsements.model import EndorsementError
    from tfm_sim.tools.tokens.byte_map import byte_map
    from tfm_sim.tools.tokens.compiler import Choices, compile_token
    from tfm_sim.tools.tokens.decompiler import decompile
    from tfm_sim.tools.tokens.diff import compare
    from tfm_sim.tools.tokens.sizes import measure
    from tfm_sim.tools.tokens.source import read_source
    from tfm_sim.tools.tokens.yaml_nodes import Source, TokenYamlError
    from tfm_sim.tools.verifier import TokenUnreadable, decode, load_key, verify

SLOW: Final = 3.0
"""Seconds."""
VECTORS = load_recording("attestation-vectors.json")
TOKENS = [bytes.fromhex(entry["token_hex"]) for entry in VECTORS["vectors"]]
KEY = load_key(VECTORS["keys"]["tfm-dummy-iak"]["pub_uncompressed_hex"])
FIRST = decode(TOKENS[0])


def judge(data: bytes) -> None:
    for strict in (True, False):
        json.dumps(verify(data, KEY, challenge=bytes(32), strict=strict).as_json())


def look(data: bytes) -> None:
    with suppress(TokenUnreadable):
        decoded = decode(data)
        json.dumps(decoded.as_json())
        decoded.diagnostic()
        assert b"".join(field.data for field in byte_map(data, decoded)) == data
        measure(data, decoded)
        compare(data, TOKENS[0], decoded, FIRST)


def there_and_back(data: bytes) -> None:
    try:
        decoded = decode(data)
    except TokenUnreadable:
        return
    decompile(data, decoded, for_iat_verifier=True)
    text = decompile(data, decoded, with_signature=True).text
    try:
        compile_token(read_source(Source(), text.encode(), "y"), Choices())
    except TokenYamlError as error:
        assert "too large" in str(error) or "nested" in str(error), error


def endorse(data: bytes) -> None:
    with suppress(EndorsementError):
        load_endorsements(data)
    with suppress(EndorsementError):
        shown = show_corim(data, "c")
        json.dumps(shown)
        list(corim_lines(shown))


def policy(data: bytes) -> None:
    with suppress(TfmSimError):
        load_policy(data)


def describe(data: bytes) -> None:
    with suppress(TfmSimError):
        compile_token(read_source(Source(), data, "y"), Choices())


def result(data: bytes) -> None:
    with suppress(EarInvalid):
        json.dumps(dict(read_unverified(data).claims), allow_nan=False)


def appraise_it(data: bytes) -> None:
    for mode in Mode:
        appraisal = appraise(data, Endorsements(), mode=mode, challenge=bytes(32))
        for form in EarForm:
            json.dumps(appraisal.as_ear(form, iat=1))


READERS: Final[tuple[Callable[[bytes], None], ...]] = (
    *(judge, look, there_and_back, endorse),
    *(policy, describe, result, appraise_it),
)


def one_input(data: bytes) -> None:
    if data:
        started = time.monotonic()
        READERS[data[0] % len(READERS)](data[1:])
        if time.monotonic() - started > SLOW:
            print(f"slow: {data.hex()}", file=sys.stderr)


def sow(folder: Path) -> None:
    """Inputs to begin with, where there are none: every recorded token, as such and as YAML."""
    if not folder.is_dir() or any(folder.iterdir()):
        return
    for number, token in enumerate(TOKENS):
        for reader in (judge, look, there_and_back, appraise_it):
            name = f"{reader.__name__}-{number}"
            (folder / name).write_bytes(bytes([READERS.index(reader)]) + token)
        text = decompile(token, decode(token), with_signature=True).text.encode()
        (folder / f"yaml-{number}").write_bytes(bytes([READERS.index(describe)]) + text)


def main() -> None:
    for argument in sys.argv[1:]:
        sow(Path(argument))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
