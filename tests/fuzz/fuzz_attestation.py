"""A hostile non-secure client against attestation on every kind of device, for as long as it may run.

    .venv/bin/python tests/fuzz/fuzz_attestation.py [--first SEED] [--count N] [--calls N] [--kind NAME]

What breaks is told with its kind, its seed and its last call; the same kind and seed make it again. pytest
does not collect this; tests/system/test_hostile_attestation.py is the short form.
"""

import argparse
import resource
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.hostile_attestation import KINDS, AttestationStorm

calls: Counter[str] = Counter()
successes: Counter[str] = Counter()


def one_storm(kind: str, seed: int, count: int) -> bool:
    """True for a storm that broke nothing."""
    storm = AttestationStorm(kind, seed)
    try:
        storm.run(count)
    except Exception as error:
        print(f"{kind}, seed {seed}: {type(error).__name__}: {error}", flush=True)
        print("   the last call:", storm.last, flush=True)
        traceback.print_exc()
        return False
    finally:
        calls[kind] += storm.calls
        successes[kind] += storm.successes
        storm.device.power_off()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--kind", choices=KINDS)
    options = parser.parse_args()
    storms = broken = 0
    started = time.monotonic()
    with suppress(KeyboardInterrupt):
        for seed in range(options.first, options.first + options.count):
            for kind in [options.kind] if options.kind else KINDS:
                broken += not one_storm(kind, seed, options.calls)
                storms += 1
    print(f"storms: {storms}, calls: {calls.total()}, seconds: {time.monotonic() - started:.0f}")
    print("successes:", ", ".join(f"{kind} {successes[kind]}/{calls[kind]}" for kind in calls))
    print("kilobytes:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    sys.exit(f"{broken} storms broke something" if broken else 0)


if __name__ == "__main__":
    main()
