"""A hostile non-secure client against all services, for as long as it may run.

    .venv/bin/python tests/fuzz/fuzz_services.py [--first SEED] [--count N] [--calls N]

Each seed is a device of its own, an attacker that makes so many calls, and a victim whose keys, operations
and assets must come through (support/hostile_storm.py). What breaks is told with its seed and its last call,
which `--first SEED --count 1` makes again; so is each call of more than two seconds, and at the end which
functions took longest, how often each succeeded, and how much memory there is. pytest does not collect this;
tests/partitions/test_hostile_requests.py is the short form.
"""

import argparse
import resource
import sys
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.hostile_client import HostileCall
from support.hostile_storm import new_storm

from tfm_sim.interface.tfm.crypto import TFM_CRYPTO_PACK_IOVEC_SIZE, PackIovec
from tfm_sim.spm.panic import DevicePanic

LONG = 2.0
"""Seconds."""
slowest: Counter[str] = Counter()
calls: Counter[str] = Counter()
successes: Counter[str] = Counter()


def described(call: HostileCall) -> str:
    first, *rest = call.inputs or (b"",)
    shown: object = first
    if isinstance(first, bytes) and len(first) == TFM_CRYPTO_PACK_IOVEC_SIZE:
        shown = PackIovec.decode(first)
    vectors = [one.hex()[:120] if isinstance(one, bytes) else one for one in rest]
    return f"{call.name} {shown} {vectors} rooms {call.rooms}"


def heard(call: HostileCall, status: int, seconds: float) -> None:
    calls[call.name] += 1
    successes[call.name] += status == 0
    slowest[call.name] = max(slowest[call.name], seconds)  # type: ignore[assignment]
    if seconds > LONG:
        print(f"{seconds:.1f} s: {described(call)}", flush=True)


def one_seed(seed: int, count: int) -> bool:
    """True for a storm that broke nothing."""
    storm = new_storm(seed)
    storm.attacker.listener = heard
    try:
        storm.run(count)
    except (AssertionError, DevicePanic) as error:
        print(f"seed {seed}: {type(error).__name__}: {error}", flush=True)
        if storm.attacker.log:
            print("   the last call:", described(storm.attacker.log[-1]), flush=True)
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        return False
    finally:
        storm.stop()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=400)
    options = parser.parse_args()
    broken = sum(
        not one_seed(seed, options.calls) for seed in range(options.first, options.first + options.count)
    )
    print("slowest:", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in slowest.most_common(10)))
    print("successes:", " ".join(f"{name}:{successes[name]}/{calls[name]}" for name in sorted(calls)))
    print("kilobytes:", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    sys.exit(f"{broken} seeds broke something" if broken else 0)


if __name__ == "__main__":
    main()
