"""The schema: made once, described twice, changed by one command."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from flask_jafsec.errors import SchemaOutdated
from flask_jafsec.stores import schema
from flask_jafsec.stores.schema import Standing
from flask_jafsec.stores.sql.first_use import create_schema
from flask_jafsec.stores.sql.store import SqlStore
from flask_jafsec.stores.tables import METADATA, REVISIONS, SCHEMA

MIGRATIONS = Path(schema.__file__).with_name("migrations")

#: Everything a catalogue knows about tables, in the database's own words.
CATALOGUE = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2",
    "postgresql": """
        SELECT 'column', table_name, ordinal_position::text, column_name, data_type,
               is_nullable, coalesce(column_default, ''), coalesce(collation_name, '')
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL
        SELECT 'index', tablename, indexname, indexdef, '', '', '', ''
        FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT 'constraint', conrelid::regclass::text, conname,
               pg_get_constraintdef(oid), '', '', '', ''
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3, 4
    """,
}


def catalogue(connection: Connection) -> list[tuple[Any, ...]]:
    question = CATALOGUE[connection.dialect.name]
    return [tuple(row) for row in connection.exec_driver_sql(question)]


def only_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    return kind != "table" or name != SCHEMA.name


def test_the_history_leads_to_the_tables_of_the_code(empty_url: str) -> None:
    schema.upgrade(empty_url)

    engine = create_engine(empty_url)
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": only_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_database_made_at_once_is_the_same_as_an_upgraded_one(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.connect() as connection, connection.begin() as undone:
        create_schema(connection)
        at_once = catalogue(connection)
        undone.rollback()
    # SQLite's driver does not undo new tables by itself; this engine is not one of ours.
    with engine.begin() as connection:
        METADATA.drop_all(connection)
        SCHEMA.drop(connection, checkfirst=True)

    schema.upgrade(empty_url)

    with engine.connect() as connection:
        assert len(at_once) > 20
        assert catalogue(connection) == at_once
        assert connection.exec_driver_sql("SELECT id, n FROM jafsec_epoch").all() == [(1, 0)]
    engine.dispose()


def test_the_code_knows_every_revision_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    history = ScriptDirectory.from_config(config).walk_revisions()

    assert tuple(step.revision for step in history)[::-1] == REVISIONS


def test_the_files_of_the_steps_begin_with_their_revision() -> None:
    files = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))

    assert tuple(file.name.split("_")[0] for file in files) == REVISIONS


def test_check_reads_and_changes_nothing(empty_url: str, tmp_path: Path) -> None:
    state = schema.check(empty_url)

    assert (state.state, state.current, state.wanted) == (Standing.EMPTY, "", REVISIONS[-1])
    assert list(tmp_path.iterdir()) == []


def test_upgrading_twice_does_nothing_the_second_time(empty_url: str) -> None:
    assert schema.upgrade(empty_url).state is Standing.EMPTY
    assert schema.upgrade(empty_url).state is Standing.CURRENT
    assert schema.check(empty_url).state is Standing.CURRENT

    store = SqlStore(empty_url, create_if_empty=False)
    assert store.epoch() == 0
    store.close()


def test_upgrading_leaves_the_tables_of_the_host_alone(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (id integer)")
        connection.exec_driver_sql("INSERT INTO notes VALUES (7)")

    assert schema.check(empty_url).state is Standing.EMPTY
    schema.upgrade(empty_url)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM notes").scalar() == 7
    engine.dispose()


def stamp(url: str, revision: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {SCHEMA.name} SET version_num = '{revision}'")
    engine.dispose()


def test_a_newer_schema_says_that_the_code_is_older(sql_url: str) -> None:
    SqlStore(sql_url).epoch()
    stamp(sql_url, "9999")
    store = SqlStore(sql_url)

    with pytest.raises(SchemaOutdated, match=r"9999.*this code is older"):
        store.epoch()
    with pytest.raises(SchemaOutdated, match="this code is older"):
        schema.upgrade(sql_url)
    assert schema.check(sql_url).state is Standing.NEWER


def test_an_older_schema_names_the_command(sql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SqlStore(sql_url).epoch()
    # The next step of the history is made up.
    newest, following = REVISIONS[-1], f"{int(REVISIONS[-1]) + 1:04}"
    revisions = (*REVISIONS, following)
    monkeypatch.setattr("flask_jafsec.stores.sql.schema_state.REVISIONS", revisions)
    store = SqlStore(sql_url)

    with pytest.raises(
        SchemaOutdated, match=f"{newest!r}, wanted {following!r}; run: flask jafsec"
    ):
        store.epoch()
    assert schema.check(sql_url).state is Standing.OLDER


def test_tables_with_our_names_but_without_revision_are_not_touched(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE jafsec_user (id integer)")
    engine.dispose()

    assert schema.check(empty_url).state is Standing.FOREIGN
    with pytest.raises(SchemaOutdated, match="no revision"):
        schema.upgrade(empty_url)
    with pytest.raises(SchemaOutdated, match="no revision"):
        SqlStore(empty_url).epoch()


def test_an_empty_postgres_names_the_command(postgres_url: str) -> None:
    store = SqlStore(postgres_url)

    with pytest.raises(SchemaOutdated, match="flask jafsec db upgrade"):
        store.epoch()

    schema.upgrade(postgres_url)
    assert store.epoch() == 0
    store.close()


def test_a_sqlite_file_with_tables_of_the_host_is_not_changed_unasked(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (id integer)")
    connection.close()

    with pytest.raises(SchemaOutdated, match="flask jafsec db upgrade"):
        SqlStore(sqlite_url).epoch()


def test_no_sqlite_file_is_made_when_not_asked(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaOutdated, match="flask jafsec db upgrade"):
        SqlStore(sqlite_url, create_if_empty=False).epoch()

    assert list(tmp_path.iterdir()) == []
