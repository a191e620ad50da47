"""Somebody hands over a policy, waivers or pinned thresholds that are no plain YAML."""

from __future__ import annotations

import os

from faceleak_command import Faceleak
from gate_project import Project
from witness import MEMORY, Witness, commands, peak

TOLD = [
    "attacks/deep.yaml:9:28: more than 20 levels of nesting; a policy has at most 5",
    "attacks/documents.yaml:9:1: a second document starts here; a policy file holds one",
    "attacks/include.yaml:9:9: tags (!include) are not supported; take it out",
    "attacks/key.yaml:9:3: a list or a mapping cannot be a key; keys are text",
    "attacks/large.yaml:1:1: the file has 5,368,709,120 bytes, a policy has at most 1,048,576",
    (
        "attacks/laughs.yaml:9:1: unknown key 'l0'; expected: version, name, description, datasets, embedder, "
        "embedders, licences, screens, exclusions, checks, search, execution, waivers, thresholds, report"
    ),
    "attacks/merge.yaml:9:1: merge keys (<<) are not supported; write the keys out here",
    "attacks/module.yaml:9:9: tags (!!python/module:antigravity) are not supported; take it out",
    "attacks/new.yaml:9:9: report: found a list, expected a mapping of keys and values",
    "attacks/number.yaml:9:9: report: found inf, expected a mapping of keys and values",
    "attacks/pipe.yaml:1:1: this is not an ordinary file; save the policy as a .yaml file",
    "attacks/self.yaml:9:9: anchors (&a) are not supported; take it out",
    "attacks/tag.yaml:9:9: report: found a list, expected a mapping of keys and values",
    "attacks/zero.yaml:1:1: this is not an ordinary file; save the policy as a .yaml file",
]
"""The first problem of each file."""

RUNS = "!!python/object/apply:os.system ['touch {mark}']"
LAUGHS = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9) if n else 'lol'}]\n" for n in range(12))


def test_no_policy_runs_code_hangs_or_fills_the_memory(
    project: Project, witness: Witness, faceleak: Faceleak
) -> None:
    text = project.policy().read_text()
    runs = RUNS.format(mark=witness.mark)
    files = {
        "tag.yaml": text + f"report: {runs}\n",
        "key.yaml": text + f"? {runs}\n: 1\n",
        "new.yaml": text + f"report: !!python/object/new:os.system [touch {witness.mark}]\n",
        "module.yaml": text + "report: !!python/module:antigravity\n",
        "include.yaml": text + f"report: !include {witness.outside}/secret.txt\n",
        "laughs.yaml": text + LAUGHS,
        "self.yaml": text + "report: &a [*a]\n",
        "merge.yaml": text + "<<: {waivers: x}\n",
        "deep.yaml": text + "report: " + "[" * 100_000 + "\n",
        "number.yaml": text + "report: " + "9" * 100_000 + "\n",
        "documents.yaml": text + "---\n" + text,
        "waivers.yaml": text + "waivers: evil.waivers\n",
        "thresholds.yaml": text + "thresholds: evil.thresholds\n",
    }
    for name, data in files.items():
        project.write(f"attacks/{name}", data)
    for name in ("waivers", "thresholds"):
        project.write(f"attacks/evil.{name}", f"version: 1\n{name}: {runs}\n")
    os.mkfifo(project.path / "attacks" / "pipe.yaml")
    (project.path / "attacks" / "zero.yaml").symlink_to("/dev/zero")
    with (project.path / "attacks" / "large.yaml").open("wb") as file:
        file.truncate(5 << 30)
    with peak() as grown:
        status, out, err = faceleak(
            "validate",
            *(f"attacks/{path.name}" for path in sorted((project.path / "attacks").glob("*.yaml"))),
        )
    assert status == 1
    assert out == ""
    first = {line.partition(":")[0]: line for line in reversed(err.splitlines())}
    assert sorted(line for file, line in first.items() if file.startswith("attacks/")) == TOLD
    assert {"evil.waivers", "evil.thresholds"} == {file for file in first if not file.startswith("attacks/")}
    assert commands(err) == set()
    witness.assert_unharmed(out, err)
    assert grown[0] < MEMORY
