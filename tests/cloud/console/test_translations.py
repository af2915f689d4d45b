"""Every text of the console has its Chinese; the catalogue has nothing else."""

from __future__ import annotations

import re
from gettext import GNUTranslations

from cloud.admin import translations
from cloud.admin.translations import key

PLACE = re.compile(r"%\((\w+)\)[sd]|<(/?\w+)>")


def test_the_catalogue_has_what_is_used_and_no_more():
    used = {key(message) for message in translations.used() if message.id}
    kept = {key(message) for message in translations.read_catalog() if message.id}
    assert len(used) > 200
    assert used - kept == set(), "run: python -m cloud.admin.translations"
    assert kept - used == set(), "run: python -m cloud.admin.translations"


def test_no_text_is_marked_by_a_name_that_is_not_looked_for():
    imports = re.compile(r"\b(\w*gettext\w*) as (?!_\b)(\w+)")
    files = sorted(translations.CLOUD.rglob("*.py"))
    assert len(files) > 100
    assert [(file.name, *found) for file in files for found in imports.findall(file.read_text())] == []


def test_everything_is_translated():
    assert translations.lacking(translations.read_catalog()) == []


def test_translations_keep_the_places_for_values():
    for message in translations.read_catalog():
        if not message.id:
            continue
        texts = [message.string] if isinstance(message.string, str) else message.string
        # Of a plural the last form has every value; Chinese has one form for all numbers.
        source = message.id if isinstance(message.id, str) else message.id[-1]
        for text in texts:
            assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(source)), source


def test_chinese_is_set_in_chinese_marks():
    narrow = re.compile(r"[\u4e00-\u9fff][,;:?!(]|[,;:?!)][\u4e00-\u9fff]")
    for message in translations.read_catalog():
        text = message.string if isinstance(message.string, str) else "".join(message.string)
        assert not narrow.search(text), text


def test_bringing_it_up_to_date_changes_nothing():
    before = translations.CHINESE.read_bytes()
    assert translations.update_catalogue() == []
    assert translations.CHINESE.read_bytes() == before


def test_compiling_reads_back(tmp_path, monkeypatch):
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_bytes(translations.CHINESE.read_bytes())
    monkeypatch.setattr(translations, "LOCALES", tmp_path)
    (made,) = translations.compile_catalogs()
    with made.open("rb") as file:
        texts = GNUTranslations(file)
    assert texts.gettext("Live") == "实时"
    assert texts.ngettext("%(count)d fault", "%(count)d faults", 2) == "%(count)d 条故障"
    written = made.stat().st_mtime_ns
    assert translations.compile_catalogs() == [made]
    assert made.stat().st_mtime_ns == written  # fresh enough: left alone
    assert [path.name for path in folder.iterdir() if path.suffix == ".tmp"] == []
