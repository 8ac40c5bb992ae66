"""Hypothesis strategies for YAML: arbitrary structures, with the keys that a reader knows among theirs."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

_WORDS = ("", "0", "1.1", "0x400", "-0x0400ffff", "IPC", "SFN", "dual", "auto", "NORMAL", "PSA-ROT", "a.yaml")


def yaml_values(keys: Sequence[str], inner_only: bool = False) -> st.SearchStrategy[str]:
    """Documents as JSON, which is YAML; with ``inner_only`` mappings of the known keys."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-(1 << 40), 1 << 40)
        | st.floats(allow_nan=False)
        | st.text(max_size=8)
        | st.sampled_from(_WORDS)
    )
    values = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys(keys), inner, max_size=4),
        max_leaves=12,
    )
    whole = st.dictionaries(st.sampled_from(list(keys)), values, max_size=len(keys)) if inner_only else values
    return whole.map(json.dumps)


def _keys(keys: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(list(keys)) | st.text(max_size=4)
