"""Manifest lists: which partitions are in the build, their ids, where their manifests are (spm.md 4.4)."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kernel_bench import a_manifest, a_service
from support.yaml_strategies import yaml_values

from tfm_sim.spm.manifest import ManifestError
from tfm_sim.spm.manifest_list import ManifestListItem, load_manifest_list

A = "{description: A, manifest: a.yaml"
B = "{description: B, manifest: b.yaml"
C = "{description: C, manifest: c.yaml"


def a_list(folder: Path, *items: str, name: str = "list.yaml") -> Path:
    path = folder / name
    path.write_text("\n".join(["manifest_list:", *(f"- {item}" for item in items)]))
    return path


def pids(*items: str, folder: Path, **arguments: object) -> list[int]:
    return [item.pid for item in load_manifest_list(a_list(folder, *items), **arguments)]  # type: ignore[arg-type]


def refusal(*items: str, folder: Path, **arguments: object) -> str:
    with pytest.raises(ManifestError) as error:
        load_manifest_list(a_list(folder, *items), **arguments)  # type: ignore[arg-type]
    return str(error.value).removeprefix(f"{folder}/")


def test_an_item_with_all_attributes(tmp_path: Path) -> None:
    (item,) = load_manifest_list(
        a_list(
            tmp_path,
            f"{A}, pid: 300, output_path: out/a, conditional: TFM_PARTITION_A, version_major: 1, "
            "version_minor: 2, linker_pattern: {library_list: ['*a.*'], object_list: ['*b.*', '*c.*']}, "
            "non_ffm_attributes: [ns_agent]}",
        )
    )
    assert item == ManifestListItem(
        "A",
        tmp_path / "a.yaml",
        300,
        "TFM_PARTITION_A",
        "out/a",
        {"library_list": ("*a.*",), "object_list": ("*b.*", "*c.*")},
        ("ns_agent",),
        (1, 2),
        str(tmp_path / "list.yaml"),
        2,
    )


def test_an_item_with_required_attributes_only(tmp_path: Path) -> None:
    (item,) = load_manifest_list(a_list(tmp_path, A + "}"))
    assert (item.conditional, item.output_path, item.linker_pattern) == (None, "", {})
    assert (item.non_ffm_attributes, item.version) == ((), (0, 0))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([A + "}"], [256]),
        ([A + "}", B + "}"], [256, 257]),
        ([A + "}", B + ", pid: 278}", C + "}"], [279, 278, 280]),
        ([A + ", pid: 3}", B + "}"], [3, 256]),
    ],
)
def test_a_pid_left_out_follows_the_highest_one_from_256(
    tmp_path: Path, items: list[str], expected: list[int]
) -> None:
    assert pids(*items, folder=tmp_path) == expected


def test_ids_are_given_across_lists_and_without_the_partitions_that_are_off(tmp_path: Path) -> None:
    first = a_list(tmp_path, A + "}", B + ", pid: 400, conditional: HAS_B}")
    second = a_list(tmp_path, C + ", pid: 300}", name="more.yaml")
    on, off = ({"HAS_B": value} for value in ("ON", "OFF"))
    assert [i.pid for i in load_manifest_list(first, second, configs=on)] == [401, 400, 300]
    assert [i.pid for i in load_manifest_list(first, second, configs=off)] == [301, 300]


@pytest.mark.parametrize("value", ["1", "on", "ON", "true", "True", "enabled", 1, True])
def test_a_conditional_that_is_on(tmp_path: Path, value: object) -> None:
    assert pids(A + ", conditional: HAS_A}", folder=tmp_path, configs={"HAS_A": value}) == [256]


@pytest.mark.parametrize("value", ["0", "off", "OFF", "false", "disabled", "", 0, False])
def test_a_conditional_that_is_off(tmp_path: Path, value: object) -> None:
    assert pids(A + ", conditional: HAS_A}", folder=tmp_path, configs={"HAS_A": value}) == []


def test_without_configurations_every_partition_is_in_the_build(tmp_path: Path) -> None:
    assert pids(A + ", conditional: HAS_A}", folder=tmp_path) == [256]


def test_a_path_is_relative_to_its_list_or_else_to_the_root(tmp_path: Path) -> None:
    lists, root = tmp_path / "lists", tmp_path / "root"
    lists.mkdir()
    (lists / "a.yaml").touch()
    found = load_manifest_list(a_list(lists, A + "}", B + "}"), root=root)
    assert [item.manifest for item in found] == [lists / "a.yaml", root / "b.yaml"]


def test_variables_in_a_path_are_replaced(tmp_path: Path) -> None:
    item = "{description: A, manifest: '${TESTS}/x/$NAME.json', output_path: out/$NAME}"
    variables = {"TESTS": "/elsewhere", "NAME": "client"}
    (found,) = load_manifest_list(a_list(tmp_path, item), variables=variables)
    assert (found.manifest, found.output_path) == (Path("/elsewhere/x/client.json"), "out/client")


def test_the_list_registers_attributes_beyond_ff_m(tmp_path: Path) -> None:
    text = a_manifest("A", [a_service("S", 0x100)], place_in_dtcm=True, weak_dependencies="[T]")
    (tmp_path / "a.yaml").write_text(text)
    registered = A + ", non_ffm_attributes: [place_in_dtcm, weak_dependencies]}"
    (item,) = load_manifest_list(a_list(tmp_path, registered))
    assert item.load().weak_dependencies == ("T",)
    (item,) = load_manifest_list(a_list(tmp_path, A + ", non_ffm_attributes: [weak_dependencies]}"))
    with pytest.raises(ManifestError, match="unknown key; found 'place_in_dtcm'"):
        item.load()
    (item,) = load_manifest_list(a_list(tmp_path, A + "}"))
    with pytest.raises(ManifestError, match="weak_dependencies: an extension of TF-M without registration"):
        item.load()


def test_a_conditional_names_a_defined_configuration(tmp_path: Path) -> None:
    """TF-M manifest tool: `conditional` names an undefined config."""
    item = A + ", conditional: HAS_A}"
    assert refusal(item, folder=tmp_path, configs={"HAS_B": "1"}) == (
        "list.yaml:2: manifest_list[0].conditional: an undefined configuration; found 'HAS_A'; legal: HAS_B"
    )


def test_a_configuration_is_plainly_on_or_off(tmp_path: Path) -> None:
    """TF-M manifest tool: value not in {1,on,true,enabled,0,off,false,disabled,""}."""
    says = refusal(A + ", conditional: HAS_A}", folder=tmp_path, configs={"HAS_A": "maybe"})
    assert says.startswith(
        "list.yaml:2: manifest_list[0].conditional: HAS_A is neither on nor off; found 'maybe'"
    )


def test_no_partition_id_twice(tmp_path: Path) -> None:
    """TF-M manifest tool: duplicate PID."""
    says = refusal(A + ", pid: 300}", B + ", pid: 300}", folder=tmp_path)
    assert says.startswith("list.yaml:3: manifest_list[1].pid: partition id 300 is taken by ")
    assert says.endswith("list.yaml:2; legal: one that is free")


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (A + ", pid: 0}", "pid: out of range; found 0; legal: a number in 1..5999"),
        (A + ", pid: -1}", "pid: out of range; found -1"),
        (A + ", pid: 6000}", "pid: out of range; found 6000"),
        (A + ", pid: 1}", "pid: partition id 1 is taken by TF-M's idle partition"),
        (A + ", pid: 2}", "pid: partition id 2 is taken by TF-M's TrustZone agent"),
        (A + ", pid: high}", "pid: wrong type; found 'high'"),
        (A + ", pids: 3}", "unknown key; found 'pids'"),
        ("{manifest: a.yaml}", "missing key 'description'"),
        ("{description: A}", "missing key 'manifest'"),
        ("{description: A, manifest: ''}", "manifest: wrong type; found ''; legal: a path"),
        ("{description: A, manifest: $X/a.yaml}", "manifest: an undefined variable; found X"),
        (A + ", linker_pattern: {libraries: []}}", "linker_pattern: unknown key; found 'libraries'"),
        (
            A + ", linker_pattern: {library_list: x}}",
            "library_list: wrong type; found 'x'; legal: a sequence",
        ),
        (A + ", non_ffm_attributes: ns_agent}", "non_ffm_attributes: wrong type"),
        (A + ", version_major: one}", "version_major: wrong type"),
        ("just text", "manifest_list[0]: wrong type; found 'just text'; legal: a mapping"),
    ],
)
def test_a_list_is_refused_with_file_and_line(tmp_path: Path, item: str, says: str) -> None:
    message = refusal(item, folder=tmp_path)
    assert message.startswith("list.yaml:2: ")
    assert says in message


def read(raw: bytes) -> None:
    """The list, and whatever it names within its own empty folder."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(ManifestError):
        path = Path(folder, "list.yaml")
        path.write_bytes(raw)
        for item in load_manifest_list(path, root=Path(folder)):
            item.load()


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_arbitrary_bytes_raise_nothing_but_the_own_error(raw: bytes) -> None:
    read(raw)


KEYS = (
    "description",
    "manifest",
    "output_path",
    "conditional",
    "pid",
    "linker_pattern",
    "non_ffm_attributes",
)


@given(yaml_values(("manifest_list", *KEYS, "version_major")))
def test_arbitrary_structures_raise_nothing_but_the_own_error(text: str) -> None:
    read(text.encode())


@given(st.lists(yaml_values(KEYS, inner_only=True), max_size=3))
def test_arbitrary_items_raise_nothing_but_the_own_error(items: list[str]) -> None:
    read("\n".join(["manifest_list:", *(f"- {item}" for item in items)]).encode())
