"""Reads the rule files, all or none: every byte once, digest over the bytes that were parsed.

Anything unknown is refused with file, line and reason: a key, role, purpose, condition, data class, even a
file that nobody reads. A rule that is silently ignored is worse than none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from policies.denied import Basis, DeniedFeature, DeniedFeatures
from policies.errors import PolicyError
from policies.model import (
    BudgetRule,
    Jurisdiction,
    Matching,
    Notice,
    PolicyBundle,
    Purpose,
    RetentionRule,
    Separation,
)
from policies.rules import FILE as RULES
from policies.rules import parse_rules
from policies.schema import (
    BudgetsFile,
    DataMapFile,
    DeniedFile,
    JurisdictionFile,
    MatchingFile,
    PurposesFile,
    RetentionFile,
    RolesFile,
    Shape,
)
from policies.strict_yaml import read_yaml

Files = Mapping[str, bytes]

MODEL: Final = "access/model.conf"
ROLES: Final = "access/roles.yaml"
#: Matcher and effect are part of the program: with another effect, what no rule matches would be allowed.
MODEL_SHA256: Final = "8e194667567f34593bad3e7d72d8f9d7b8dd83699ee6eabac77351c0b65ab08f"
DENIED: Final = "denied_features.yaml"
_RETENTION: Final = "retention.yaml"
_YAML: Final = ("purposes.yaml", _RETENTION, "budgets.yaml", "datamap.yaml", "matching.yaml", DENIED)
_SINGLE: Final = (MODEL, ROLES, RULES, *_YAML)
_FOLDERS: Final = ("jurisdictions", "examples")
_RULE_SUFFIXES: Final = {".conf", ".csv", ".yaml", ".yml", ".json", ".toml"}


def load_policies(directory: Path | None = None) -> PolicyBundle:
    """The rules in force.

    Args:
        directory: the rule files; those shipped with the package by default.

    Raises:
        PolicyError: naming file, line and reason.
    """
    return parse_policies(read_files(directory))


def read_files(directory: Path | None = None) -> Files:
    """Every rule file below the directory, by relative path. Raises PolicyError."""
    root = directory or Path(__file__).parent
    try:
        found = sorted(p for p in root.rglob("*") if p.suffix.lower() in _RULE_SUFFIXES and p.is_file())
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    except OSError as error:
        raise PolicyError(str(error.filename), 0, "cannot be read") from None
    for name in files:
        path = PurePosixPath(name)
        in_folder = str(path.parent) in _FOLDERS and path.suffix == ".yaml"
        if name not in _SINGLE and not in_folder:
            raise PolicyError(name, 0, "unknown file")
    for name in _SINGLE:
        if name not in files:
            raise PolicyError(name, 0, "missing")
    return files


def parse_policies(files: Files) -> PolicyBundle:
    """The bundle in these files. Pure. Raises PolicyError."""
    if hashlib.sha256(files[MODEL]).hexdigest() != MODEL_SHA256:
        raise PolicyError(MODEL, 0, "is not the model this program was tested with")
    roles = read_yaml(ROLES, files[ROLES], RolesFile)
    permissions = frozenset(f"{noun}:{verb}" for noun, verbs in roles.permissions.items() for verb in verbs)
    purposes = _purposes(files)
    rules = parse_rules(files[RULES], roles=roles.roles, permissions=permissions, purposes=purposes)
    datamap = read_yaml("datamap.yaml", files["datamap.yaml"], DataMapFile).places
    return PolicyBundle(
        digest=digest(files),
        matcher=files[MODEL].decode(),
        rules=rules,
        roles=frozenset(roles.roles),
        role_titles={role: title.model_dump() for role, title in roles.roles.items()},
        permissions=permissions,
        separation=_separation(roles, permissions),
        purposes=purposes,
        retention=_retention(files, datamap, purposes),
        log_days=read_yaml(_RETENTION, files[_RETENTION], RetentionFile).logs.model_dump(),
        budgets=_budgets(files, roles, datamap),
        datamap=datamap,
        jurisdictions=_jurisdictions(files),
        denied=_denied(files),
        matching=_matching(files),
    )


def digest(files: Files) -> str:
    """``sha256:`` over names, lengths and bytes of all files, in name order."""
    total = hashlib.sha256()
    for name, data in sorted(files.items()):
        total.update(f"{name}\n{len(data)}\n".encode())
        total.update(data)
    return f"sha256:{total.hexdigest()}"


def _frozen(shape: Shape) -> dict[str, Any]:
    """The fields of a shape for a type of the model: lists become tuples."""
    fields = shape.model_dump()
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _separation(file: RolesFile, permissions: frozenset[str]) -> Separation:
    pairs = tuple(frozenset(pair.roles) for pair in file.apart)
    named = {*file.never, *(role for pair in file.apart for role in pair.roles)}
    asked = {*file.four_eyes, *file.four_eyes.values(), *(p for kept in file.never.values() for p in kept)}
    if unknown := sorted((named - set(file.roles)) | (asked - permissions)):
        raise PolicyError(ROLES, 0, f"unknown role or permission: {unknown[0]}")
    if any(len(pair) == 1 for pair in pairs):
        raise PolicyError(ROLES, 0, "a role cannot be apart from itself")
    never = {role: tuple(kept) for role, kept in file.never.items()}
    return Separation(four_eyes=dict(file.four_eyes), apart=pairs, never=never)


def _purposes(files: Files) -> dict[str, Purpose]:
    name = "purposes.yaml"
    result = {}
    for code, shape in read_yaml(name, files[name], PurposesFile).purposes.items():
        if (shape.basis == "consent") != (shape.consent_kind is not None):
            raise PolicyError(name, 0, f"{code}: consent_kind goes with basis consent, and only with it")
        fields = shape.model_dump() | {"consent_kind": shape.consent_kind or ""}
        result[code] = Purpose(code=code, **fields)
    return result


def _retention(
    files: Files, datamap: Mapping[str, str], purposes: Collection[str]
) -> dict[str, RetentionRule]:
    name, result = _RETENTION, {}
    for code, shape in read_yaml(name, files[name], RetentionFile).retention.items():
        if (shape.outcome == "restrict") != (shape.keep_days > 0):
            raise PolicyError(name, 0, f"{code}: keep_days goes with outcome restrict, and only with it")
        covers = tuple(place for place, data_class in datamap.items() if data_class == code)
        result[code] = RetentionRule(data_class=code, covers=covers, **_frozen(shape))
        if unknown := sorted(set(shape.purposes) - set(purposes)):
            raise PolicyError(name, 0, f"{code}: unknown purpose {unknown[0]}")
    if unknown := sorted(set(datamap.values()) - set(result)):
        raise PolicyError("datamap.yaml", 0, f"no retention rule for the class {unknown[0]}")
    return result


def _budgets(files: Files, roles: RolesFile, datamap: Mapping[str, str]) -> tuple[BudgetRule, ...]:
    name = "budgets.yaml"
    rules = tuple(BudgetRule(**b.model_dump()) for b in read_yaml(name, files[name], BudgetsFile).budgets)
    known = {"actor:*", *(f"role:{role}" for role in roles.roles), *datamap}
    if unknown := [rule.scope for rule in rules if rule.scope not in known]:
        raise PolicyError(name, 0, f"unknown scope: {unknown[0]}")
    if len({rule.scope for rule in rules}) != len(rules):
        raise PolicyError(name, 0, "scope twice")
    return rules


def _matching(files: Files) -> Matching:
    name = "matching.yaml"
    limits = read_yaml(name, files[name], MatchingFile).matching
    if limits.review > limits.accept:
        raise PolicyError(name, 0, "review is not above accept")
    return Matching(**limits.model_dump())


def _denied(files: Files) -> DeniedFeatures:
    file = read_yaml(DENIED, files[DENIED], DeniedFile)
    features = {code: DeniedFeature(code=code, **_frozen(shape)) for code, shape in file.denied.items()}
    named = {b.feature for b in file.basis} | {e.feature for e in file.examples} - {"none"}
    if unknown := sorted(named - set(features)):
        raise PolicyError(DENIED, 0, f"unknown feature: {unknown[0]}")
    if any(not term.strip() for f in features.values() for term in (*f.en, *f.zh)):
        raise PolicyError(DENIED, 0, "empty term")  # it would match every text
    return DeniedFeatures(
        features=features,
        bases=tuple(Basis(**b.model_dump()) for b in file.basis),
        examples=tuple((e.text, e.feature) for e in file.examples),
    )


def _jurisdictions(files: Files) -> dict[str, Jurisdiction]:
    result = {}
    for name in sorted(n for n in files if n.startswith("jurisdictions/")):
        file = read_yaml(name, files[name], JurisdictionFile)
        notices = tuple(Notice(**n.model_dump()) for n in file.notices)
        if unknown := {*file.working_days} - {*file.clocks} | {n.grade for n in notices} - {*file.grades, ""}:
            raise PolicyError(name, 0, f"unknown clock or grade: {min(unknown)}")
        code = PurePosixPath(name).stem
        result[code] = Jurisdiction(code=code, **_frozen(file) | {"notices": notices})
    if not result:
        raise PolicyError("jurisdictions", 0, "missing")
    return result
