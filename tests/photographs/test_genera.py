"""The ten genera: complete, consistent, and referring to each other by name."""

from cloudcore.photographs import genera


def test_ten_genera_with_their_bands() -> None:
    codes = {band: {g.code for g in genera.GENERA if g.band == band} for band in ("high", "middle", "low")}
    assert codes == {"high": {"Ci", "Cc", "Cs"}, "middle": {"Ac", "As", "Ns"}, "low": {"Sc", "St", "Cu", "Cb"}}


def test_every_genus_is_told_in_full() -> None:
    for genus in genera.GENERA:
        assert genus.base_m[0] < genus.base_m[1] and len(genus.looks) > 60 and genus.weather.endswith((".", "shelter."))
        assert genus.mistaken and all(other in genera.BY_NAME and other != genus.name for other, _ in genus.mistaken)
        assert genus.colour.startswith("#")


def test_found_by_name_or_code() -> None:
    assert genera.find("cb") is genera.find(" Cumulonimbus ") is genera.BY_CODE["Cb"]
    assert genera.find("Contrail") is None
    assert genera.base_words(genera.BY_CODE["St"]).startswith("base from the ground")
