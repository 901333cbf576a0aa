"""Contracts written as documents: the inverse of ``service.domain.odcs.parse_contract``."""

from __future__ import annotations

from datetime import date

from service.domain.contracts import Column, DatasetContract, Limits, Role, Surrogates, TextProfile


def format_contract(contract: DatasetContract) -> dict[str, object]:
    """The contract as a document; ``parse_contract`` reads it back equal in all but the digest."""
    rules: dict[str, object] = {
        "uniqueBy": list(contract.unique_by),
        "order": [list(pair) for pair in contract.order],
        "minimumQuality": contract.minimum_quality,
        "textProfile": "" if contract.text_profile is TextProfile.FAST else contract.text_profile.value,
    }
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:fiduciary:dataset:{contract.name}",
        "name": contract.title,
        "version": contract.version,
        "status": "active",
        "schema": [{"name": contract.name, "properties": [_format_column(c) for c in contract.columns]}],
        "customProperties": _format_facts(
            purposes=list(contract.purposes),
            retentionClass=contract.retention_class,
            createsSubjects=contract.creates_subjects,
            rowPerSubject=contract.row_per_subject,
            **{name: value for name, value in rules.items() if value},
        ),
    }


def format_limits(limits: Limits) -> dict[str, object]:
    """The options again, empty without rules; inverse of ``parse_limits``."""
    values = (limits.minimum, limits.maximum, limits.min_length, limits.max_length, limits.pattern or None)
    names = ("minimum", "maximum", "minLength", "maxLength", "pattern")
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in zip(names, values, strict=True)
        if value is not None
    }


def _format_column(column: Column) -> dict[str, object]:
    facts: dict[str, object] = {"role": column.role.value, "dataClass": column.data_class}
    if column.id_type is not None:
        facts |= {"idType": column.id_type, "links": column.links}
    if column.keys:
        facts["keys"] = list(column.keys)
    if column.role is Role.MEASURE:
        facts |= {"lower": column.lower, "upper": column.upper, "unit": column.unit}
    if column.surrogates is not Surrogates.NUMBERED:
        facts["surrogates"] = column.surrogates.value
    options = format_limits(column.limits)
    return {
        "name": column.name,
        "logicalType": column.kind.value,
        **({"logicalTypeOptions": options} if options else {}),
        **({"relationships": [{"to": column.refers_to}]} if column.refers_to else {}),
        "required": column.required,
        "customProperties": _format_facts(**facts),
    }


def _format_facts(**facts: object) -> list[dict[str, object]]:
    return [{"property": name, "value": value} for name, value in facts.items()]
