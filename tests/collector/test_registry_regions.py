import re

import pytest

from agent.contract import shipped
from agent.contract.errors import SettingsError
from collector import registry
from collector.registry.regions import Gazetteer, load

NUMBERS = (10, 11, 15, 19, 23, 27, 31, 33, 35, 39, 43, 47, 55, 59, 61, 62, 63, 71, 75, 79)
ISO_3166_2_KZ = [f"KZ-{number}" for number in NUMBERS]


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer(registry.regions())


def test_the_twenty_units_have_their_iso_codes_and_names_in_three_languages():
    """The shipped country is today's: 17 regions and 3 cities, each named in Kazakh, Russian and English."""
    found = registry.regions()
    assert [region.region_id for region in found] == ISO_3166_2_KZ
    assert [region.region_id for region in found if region.kind == "city"] == ["KZ-71", "KZ-75", "KZ-79"]
    for region in found:
        assert re.fullmatch("[А-ЯӘІҢҒҮҰҚӨҺ][А-Яа-яӘәІіҢңҒғҮүҰұҚқӨөҺһ ]+", region.names.kk)
        assert re.search("[а-я]", region.names.ru)
        assert region.names.en.isascii()


def test_every_region_lies_inside_the_country_and_has_a_tile_of_its_own():
    """Centres are inside the country's box and no two tiles of the map overlap."""
    country = registry.shipped_country()
    assert all(country.about.box.holds(*region.centre) for region in country.regions)
    assert len({region.tile for region in country.regions}) == 20


def test_every_name_and_alias_finds_its_region(gazetteer):
    """What the file lists for a region leads to that region, and to another only where both claim the name."""
    for region in registry.regions():
        for name in (region.region_id, region.names.kk, region.names.ru, region.names.en, *region.aliases):
            assert region in gazetteer.find(name).regions, name
            assert not gazetteer.find(name).former
        for name in region.former:
            assert gazetteer.find(name) == ((region,), True), name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("kz-75", "KZ-75"),
        ("г.Алматы", "KZ-75"),
        ("АЛМАТЫ ҚАЛАСЫ", "KZ-75"),
        ("Алматинская обл.", "KZ-19"),
        ("Северо – Казахстанская область", "KZ-59"),
        ("Жетiсу облысы", "KZ-33"),  # with a Latin i
        ("Нур-Султан", "KZ-71"),
        ("Абайская область", "KZ-10"),
        ("\u00a0Улытауская  область ", "KZ-62"),
    ],
)
def test_usual_spellings_are_understood(gazetteer, written, code):
    """Case, abbreviations, hyphens, look-alike letters and odd spaces make no difference."""
    assert [region.region_id for region in gazetteer.find(written).regions] == [code]


def test_a_name_of_two_regions_is_ambiguous(gazetteer):
    """The word "Алматы" alone may be the city or the region, and nobody guesses which."""
    assert {region.region_id for region in gazetteer.find("Алматы").regions} == {"KZ-19", "KZ-75"}


def test_a_name_of_no_region_finds_nothing(gazetteer):
    """A name from elsewhere is not bent to one of ours."""
    assert gazetteer.find("Ташкентская область").regions == ()
    assert gazetteer.find("").regions == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('code = "KZ-11"', 'code = "KZ-10"'), "two regions have the region_id KZ-10"),
        (("tile = [4, 2]", "tile = [3, 1]"), "two regions have the tile"),
        (('kind = "city"', 'kind = "town"'), "kind"),
        (("centre = [50.41, 80.25]", "centre = [500.41, 80.25]"), "centre"),
        (('kk = "Абай облысы", ', ""), "kk"),
        (("[country]", "[country"), "regions.toml"),
    ],
)
def test_a_wrong_regions_file_is_refused_naming_file_and_key(tmp_path, change, complaint):
    """A mistake in the data file stops the start with the file and what is wrong in it."""
    text = shipped.path("kz/regions.toml").read_text(encoding="utf-8")
    assert change[0] in text
    file = tmp_path / "regions.toml"
    file.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load(file)
    assert str(file) in str(error.value)
    assert complaint in str(error.value)


def test_the_store_gets_every_region_with_its_names():
    """What is kept in the database are the same codes and names."""
    records = registry.region_records(registry.regions())
    assert {record.region_id: record.name_kk for record in records}["KZ-62"] == "Ұлытау облысы"
    assert len(records) == 20
