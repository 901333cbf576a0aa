"""What ``service.ports.Vault`` promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from fakes.clock import START, FakeClock
from fakes.first_version import make_first_version
from fakes.vaults import ROOT, VaultHome, blind, document, enrol, open_retained, person, purpose_pseudonyms
from sqlalchemy import select, text, update

from privacy.errors import SealBrokenError
from privacy.keys.keyring import Keyring
from service.adapters.sql.vault import SqlVault, open_vault
from service.adapters.sql.vault_tables import METADATA, RETAINED, SEALED, SUBJECT
from service.errors import StorageError, TamperedError, UnknownError
from service.ports import Retained, Vault

RING = Keyring(ROOT)


def test_the_adapter_is_a_vault(vault: SqlVault) -> None:
    port: Vault = vault
    assert port.restricted() == frozenset()


def test_the_migrations_make_exactly_the_tables(home: VaultHome) -> None:
    with home.engine().begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "alembic_version_vault"})
        assert compare_metadata(context, METADATA) == []
        connection.execute(text("DROP TABLE alembic_version_vault"))
        METADATA.drop_all(connection)
        make_first_version(connection, "vault")
    with home.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "alembic_version_vault"})
        assert compare_metadata(context, METADATA) == []


def test_enrolling_is_idempotent_and_keeps_the_rows_in_order(vault: SqlVault) -> None:
    rows = blind(person(2), person(1), person(2), {})
    first = vault.resolve(rows, create=True)
    assert first.schema == pl.Schema({"_subject": pl.Int64, "_sp": pl.Binary, "problem": pl.String})
    assert first["_subject"].to_list() == [1, 2, 1, None]
    assert first["problem"].to_list() == [None, None, None, "unknown_subject"]
    assert {len(sp) for sp in first["_sp"].drop_nulls()} == {16}
    assert vault.resolve(rows, create=True).equals(first)
    assert vault.resolve(rows, create=False).equals(first)
    assert len(vault.pseudonyms()) == 2


def test_looking_up_makes_nothing(vault: SqlVault) -> None:
    answer = vault.resolve(blind(person(1)), create=False)
    assert answer["problem"].to_list() == ["unknown_subject"]
    assert answer["_sp"].to_list() == [None]
    assert vault.pseudonyms().is_empty()


def test_any_known_identifier_finds_the_subject_and_new_ones_are_remembered(vault: SqlVault) -> None:
    enrol(vault, 1)
    card = {"bank_card": person(1)["bank_card"]}
    other = {"cn_resident_id": person(1)["cn_resident_id"], "bank_card": person(7)["bank_card"]}
    vault.resolve(blind(other), create=True)
    rows = [card, {"bank_card": person(7)["bank_card"]}, {"mobile": person(1)["mobile"]}]
    assert vault.resolve(blind(*rows), create=False)["_subject"].to_list() == [1, 1, 1]


def test_a_shared_phone_makes_two_subjects_and_stays_with_the_first(vault: SqlVault) -> None:
    second = person(2) | {"mobile": person(1)["mobile"]}
    assert vault.resolve(blind(person(1), second), create=True)["_subject"].to_list() == [1, 2]
    assert vault.find("mobile", blind(person(1))["mobile"].item()) == 1


def test_identifiers_of_two_people_in_one_row_are_a_conflict(vault: SqlVault) -> None:
    enrol(vault, 1, 2)
    mixed = {"cn_resident_id": person(1)["cn_resident_id"], "bank_card": person(2)["bank_card"]}
    answer = vault.resolve(blind(mixed), create=True)
    assert answer.to_dicts() == [{"_subject": None, "_sp": None, "problem": "identity_conflict"}]
    stranger = {"cn_resident_id": person(3)["cn_resident_id"], "bank_card": person(2)["bank_card"]}
    assert vault.resolve(blind(stranger), create=True)["problem"].to_list() == ["identity_conflict"]


def test_an_empty_frame_and_one_column_are_fine(vault: SqlVault) -> None:
    assert vault.resolve(blind().select("mobile"), create=True).height == 0
    assert vault.resolve(blind(person(1)).select("mobile"), create=True)["_subject"].to_list() == [1]


def test_more_rows_than_a_statement_takes(vault: SqlVault) -> None:
    people = [{"mobile": f"+86139{n:08d}"} for n in range(10_050)]
    made = vault.resolve(blind(*people), create=True)
    assert made["_subject"].to_list() == list(range(1, 10_051))
    assert vault.resolve(blind(*people[::-1]), create=False)["_subject"].to_list() == list(
        range(10_050, 0, -1)
    )


def test_a_sealed_document_opens_for_its_subject_and_class(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    assert vault.open(one, "contact") == document(1, "mobile", "email")
    assert vault.open(two, "identity") == document(2, "cn_resident_id")
    assert vault.open(one, "card") is None
    assert vault.open(99, "identity") is None
    vault.seal_classes({"contact": {one: b'{"email": "new@example.org"}'}})
    assert vault.open(one, "contact") == b'{"email": "new@example.org"}'


def test_sealing_for_somebody_unknown_seals_nothing(vault: SqlVault) -> None:
    (one,) = enrol(vault, 1)
    with pytest.raises(UnknownError):
        vault.seal_classes({"card": {one: b"{}", 99: b"{}"}})
    assert vault.open(one, "card") is None


def test_a_box_moved_to_another_subject_or_class_is_tampering(home: VaultHome, vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    with home.engine().begin() as connection:
        mine = (SEALED.c.subject == one) & (SEALED.c.data_class == "contact")
        box = connection.scalar(select(SEALED.c.box).where(mine))
        connection.execute(update(SEALED).where(SEALED.c.subject == two).values(box=box))
    assert vault.open(one, "contact")
    for data_class in ("contact", "identity"):
        with pytest.raises(TamperedError):
            vault.open(two, data_class)


def test_wrapped_keys_swapped_between_subjects_are_tampering(home: VaultHome, vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    with home.engine().begin() as connection:
        wrapped = connection.scalar(select(SUBJECT.c.wrapped).where(SUBJECT.c.number == one))
        connection.execute(update(SUBJECT).where(SUBJECT.c.number == two).values(wrapped=wrapped))
    for act in (vault.pseudonyms, lambda: vault.destroy(one)):
        with pytest.raises(TamperedError):
            act()
    assert vault.open(one, "identity")


def test_storage_pseudonyms_are_given_by_subject_and_only_of_the_known(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    storage = vault.pseudonyms([two, one, 99])
    assert storage["_subject"].to_list() == [one, two]
    scoring = purpose_pseudonyms(vault, RING, [two, one, two], "credit_scoring")
    assert scoring[0] == scoring[2] != scoring[1]
    assert not set(scoring) & set(storage["_sp"].to_list())


def test_a_pseudonym_finds_the_living_under_its_own_purpose_only(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    of_one, of_two = purpose_pseudonyms(vault, RING, [one, two], "credit_scoring")
    assert vault.find_pseudonym("credit_scoring", of_two) == two
    assert vault.find_pseudonym("value_segmentation", of_two) is None
    vault.destroy(one)
    assert vault.find_pseudonym("credit_scoring", of_one) is None


def test_several_classes_are_sealed_together_or_not_at_all(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    vault.seal_classes({"card": {one: b"1", two: b"2"}, "contact": {two: b"3"}})
    assert (vault.open(one, "card"), vault.open(two, "card"), vault.open(two, "contact")) == (
        b"1",
        b"2",
        b"3",
    )
    with pytest.raises(UnknownError):
        vault.seal_classes({"card": {one: b"4"}, "contact": {99: b"5"}})
    assert vault.open(one, "card") == b"1"


def test_a_tag_of_another_length_is_refused(vault: SqlVault) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        vault.suppressed([b"a" * 16, b"b" * 8, b"c" * 8])


def test_restriction_holds_and_is_idempotent(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    vault.restrict(two)
    vault.restrict(two)
    assert vault.restricted() == {two}
    assert vault.pseudonyms()["state"].to_list() == ["active", "restricted"]
    assert vault.pseudonyms([one])["state"].to_list() == ["active"]
    with pytest.raises(UnknownError):
        vault.restrict(99)


def test_suppression_ends_at_its_instant(vault: SqlVault, clock: FakeClock) -> None:
    vault.suppress([b"a" * 16, b"b" * 16], until=START + timedelta(days=1))
    vault.suppress([b"b" * 16], until=START + timedelta(days=2))
    asked = [b"a" * 16, b"b" * 16, b"c" * 16, b"a" * 16]
    assert vault.suppressed(asked) == {b"a" * 16, b"b" * 16}
    clock.advance(timedelta(days=1))
    assert vault.suppressed(asked) == {b"b" * 16}
    assert vault.suppressed([]) == frozenset()
    vault.suppress([], until=START)


def test_suppression_tags_cover_every_identifier_but_the_name(vault: SqlVault) -> None:
    (one,) = enrol(vault, 1)
    wild = b'{"bank_card": "6299 9900 0000 0017", "mobile": "138", "email": 5, "name": "x"}'
    vault.seal_classes({"card": {one: wild}})
    seen: list[tuple[str, str]] = []

    def tagger(id_type: str, value: str) -> bytes:
        seen.append((id_type, value))
        return f"{id_type}={value}".encode()

    tags = vault.suppression_tags(one, tagger)
    expected = {(t, person(1)[t]) for t in ("cn_resident_id", "mobile", "email")}
    assert expected <= set(seen)
    assert {id_type for id_type, _ in seen} <= {"cn_resident_id", "mobile", "email", "bank_card"}
    assert len(tags) == len(set(tags)) == len(seen)
    assert vault.suppression_tags(99, tagger) == ()


def test_what_a_law_keeps_outlives_the_subject(vault: SqlVault, home: VaultHome) -> None:
    (one,) = enrol(vault, 1)
    kept = Retained("r1", "aml_record", START + timedelta(days=3650), "AML 34")
    vault.retain(one, b"kept", kept)
    vault.destroy(one)
    vault.retain(one, b"kept again", kept)
    assert vault.retained() == (kept,)
    assert open_retained(home, "r1", "aml_record") == b"kept again"
    with pytest.raises(UnknownError):
        vault.retain(99, b"", kept)
    with home.engine().begin() as connection:
        connection.execute(update(RETAINED).values(data_class="contact"))
    with pytest.raises(SealBrokenError):
        open_retained(home, "r1", "contact")


def test_destroying_leaves_nothing_of_one_and_everything_of_the_others(
    vault: SqlVault, home: VaultHome
) -> None:
    one, two, three = enrol(vault, 1, 2, 3)
    vault.restrict(three)
    before = vault.pseudonyms([two, three])
    (old_file,) = home.keys.iterdir()
    ended = vault.destroy(one)
    assert ended in old_file.name
    assert not old_file.exists()
    assert len(list(home.keys.iterdir())) == 1
    assert vault.destroy(one) == ended
    assert vault.open(one, "identity") is None
    assert vault.find("email", blind(person(1))["email"].item()) is None
    assert vault.resolve(blind(person(1)), create=False)["problem"].to_list() == ["unknown_subject"]
    assert vault.suppression_tags(one, lambda _t, _v: b"") == ()
    assert vault.pseudonyms().equals(before)
    assert vault.open(two, "identity") == document(2, "cn_resident_id")
    assert vault.restricted() == {three}


def test_a_destroyed_number_is_never_used_again(vault: SqlVault) -> None:
    one, two = enrol(vault, 1, 2)
    old = vault.pseudonyms([two])["_sp"].item()
    vault.destroy(two)
    vault.restrict(two)
    assert vault.restricted() == frozenset()
    with pytest.raises(UnknownError):
        vault.seal_classes({"contact": {two: b"{}"}})
    (again,) = enrol(vault, 2)
    assert again == 3
    assert vault.pseudonyms([again])["_sp"].item() != old
    assert vault.open(one, "identity")
    with pytest.raises(UnknownError):
        vault.destroy(99)


def test_two_open_vaults_follow_each_others_epochs(vault: SqlVault, home: VaultHome) -> None:
    other = home.open()
    one, two = enrol(vault, 1, 2)
    other.destroy(one)
    assert vault.open(two, "identity") == document(2, "cn_resident_id")
    vault.destroy(two)
    assert other.pseudonyms().is_empty()


def test_opening_again_keeps_everything(vault: SqlVault, home: VaultHome) -> None:
    (one,) = enrol(vault, 1)
    assert home.open().open(one, "identity") == document(1, "cn_resident_id")


def test_another_root_does_not_open_the_vault_and_destroys_nothing(vault: SqlVault, home: VaultHome) -> None:
    (one,) = enrol(vault, 1)
    with pytest.raises(TamperedError):
        open_vault(home.engine(), Keyring(bytes(32)), home.keys, home.clock)
    assert vault.open(one, "identity")


def test_a_vault_whose_epoch_key_is_gone_does_not_open(vault: SqlVault, home: VaultHome) -> None:
    enrol(vault, 1)
    (key,) = home.keys.iterdir()
    key.unlink()
    with pytest.raises(StorageError):
        home.open()
    assert list(home.keys.iterdir()) == []
