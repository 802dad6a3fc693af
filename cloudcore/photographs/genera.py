"""The ten cloud genera in our own words, after the definitions of the WMO International Cloud Atlas (2017).

Heights are those of cloud bases in temperate latitudes; near the poles all bands lie lower, in the tropics higher.
"""

from dataclasses import dataclass

HIGH, MIDDLE, LOW = "high", "middle", "low"
BAND_COLOURS = {HIGH: "#58B4E8", MIDDLE: "#7656C8", LOW: "#C98222"}
"""Colour of a height band; letters name the genus."""
BAND_WORDS = {HIGH: "High · base above 6,000 m", MIDDLE: "Middle · base 2,000–6,000 m", LOW: "Low · base below 2,000 m"}


@dataclass(frozen=True)
class Genus:
    """One genus: name, two-letter code, band, base in m, what it looks like, what it is taken for, what it brings.

    mistaken is (other genus, how to tell them apart), the likeliest first.
    """

    name: str
    code: str
    band: str
    base_m: tuple[int, int]
    looks: str
    mistaken: tuple[tuple[str, str], ...]
    weather: str

    @property
    def colour(self) -> str:
        """Colour of the band, #rrggbb."""
        return BAND_COLOURS[self.band]


GENERA: tuple[Genus, ...] = (
    Genus(
        "Cirrus",
        "Ci",
        HIGH,
        (6000, 13000),
        "White threads, hooks or narrow bands with a silky sheen, separate from each other. All ice: edges are drawn "
        "out by the wind, and the blue shows between them.",
        (
            (
                "Cirrostratus",
                "Cirrostratus is a veil that covers the sky; Cirrus leaves clear blue between its threads.",
            ),
            ("Cirrocumulus", "Look for grains or ripples: Cirrocumulus has them, Cirrus is only combed."),
        ),
        "Fair at first. Where it thickens and spreads from the west, a warm front may follow within a day.",
    ),
    Genus(
        "Cirrocumulus",
        "Cc",
        HIGH,
        (6000, 12000),
        "A thin white sheet of very small grains or ripples without any shading, each narrower than one degree: less "
        "than a finger at arm's length.",
        (
            ("Altocumulus", "Measure a grain: wider than a finger at arm's length, or grey below, is Altocumulus."),
            ("Cirrus", "Cirrus is threads; Cirrocumulus is grains or ripples in a regular pattern."),
        ),
        "Seldom and short-lived. Alone it means little; with spreading Cirrus, unsettled weather is on its way.",
    ),
    Genus(
        "Cirrostratus",
        "Cs",
        HIGH,
        (6000, 12000),
        "A whitish, see-through veil, smooth or fibrous, over much of the sky. The sun still casts shadows and often "
        "wears a halo of 22 degrees.",
        (
            (
                "Altostratus",
                "A halo or sharp shadows say Cirrostratus; behind Altostratus the sun is a dull disc without one.",
            ),
            ("Stratus", "Thin Stratus is low and even, gives no halo, and moves visibly fast."),
        ),
        "A thickening veil often runs ahead of a warm front: rain in 12 to 24 hours is likely.",
    ),
    Genus(
        "Altocumulus",
        "Ac",
        MIDDLE,
        (2000, 6000),
        "Rolls, rounded masses or flakes in patches or layers, white with grey shading, most of them one to five "
        "degrees wide: one to three fingers at arm's length.",
        (
            ("Stratocumulus", "Hold up three fingers at arm's length: elements wider than that are Stratocumulus."),
            ("Cirrocumulus", "Any shading, or elements wider than a finger, rule Cirrocumulus out."),
        ),
        "Usually dry. Turrets or tufts on a warm morning tell of thunderstorms later in the day.",
    ),
    Genus(
        "Altostratus",
        "As",
        MIDDLE,
        (2000, 7000),
        "A grey or bluish sheet, even or faintly striped, over all or most of the sky. The sun shows at best as behind "
        "ground glass; nothing on the ground casts a shadow.",
        (
            ("Cirrostratus", "Shadows or a halo mean Cirrostratus; Altostratus never makes a halo."),
            ("Nimbostratus", "If the sun is quite gone and rain falls steadily, it has become Nimbostratus."),
        ),
        "Often comes before or behind a warm front: light rain or snow is near, heavier as it thickens.",
    ),
    Genus(
        "Nimbostratus",
        "Ns",
        MIDDLE,
        (600, 3000),
        "A thick, dark grey layer that hides the sun altogether, its base blurred by falling rain or snow, often with "
        "ragged scraps below.",
        (
            ("Altostratus", "Through Altostratus the sun can be guessed; Nimbostratus hides it and rains."),
            ("Cumulonimbus", "Rain from Nimbostratus is steady and without thunder; Cumulonimbus brings showers."),
        ),
        "Steady rain or snow for hours.",
    ),
    Genus(
        "Stratocumulus",
        "Sc",
        LOW,
        (500, 2000),
        "Grey and white patches, rolls or lumps with dark parts, in a layer with or without gaps, most of them wider "
        "than five degrees.",
        (
            ("Altocumulus", "Elements narrower than three fingers at arm's length are Altocumulus."),
            ("Cumulus", "Cumulus clouds stand apart and rise; Stratocumulus spreads into a layer with flat tops."),
            ("Stratus", "Stratus has no lumps: any clear pattern of light and dark says Stratocumulus."),
        ),
        "Mostly dry, sometimes light rain or drizzle; little change for the next hours.",
    ),
    Genus(
        "Stratus",
        "St",
        LOW,
        (0, 1200),
        "A low, grey, even layer with a rather uniform base, like fog lifted off the ground; it may hang in ragged "
        "shreds. Where the sun shines through, its outline is sharp.",
        (
            ("Nimbostratus", "Stratus drizzles at most; steady rain from a dark, thick layer is Nimbostratus."),
            ("Altostratus", "Stratus is low, hides hilltops, and shows the sun's edge sharply where thin."),
            ("Stratocumulus", "Rolls or lumps in the layer make it Stratocumulus."),
        ),
        "Dull and calm; drizzle, snow grains or fog. It often burns off by noon.",
    ),
    Genus(
        "Cumulus",
        "Cu",
        LOW,
        (500, 2000),
        "Detached heaps with sharp outlines, flat and rather dark below, bulging white like a cauliflower above where "
        "the sun lights them.",
        (
            ("Stratocumulus", "Where heaps merge into a layer with flattened tops, it is Stratocumulus."),
            ("Cumulonimbus", "A smooth, fibrous or spreading top, thunder or hail means Cumulonimbus."),
        ),
        "Small ones mean fair weather; those that grow tall by noon bring showers in the afternoon.",
    ),
    Genus(
        "Cumulonimbus",
        "Cb",
        LOW,
        (500, 2000),
        "A heavy tower, very dark below, whose top turns smooth or fibrous and spreads as an anvil; rain shafts and "
        "ragged scraps hang under it.",
        (
            ("Cumulus", "While the top is still sharp like a cauliflower it is Cumulus, however tall."),
            ("Nimbostratus", "From below both are dark: thunder, hail, gusts or sudden showers say Cumulonimbus."),
        ),
        "Thunder, heavy showers, hail and gusts: take shelter.",
    ),
)

BY_NAME = {genus.name: genus for genus in GENERA}
BY_CODE = {genus.code: genus for genus in GENERA}


def find(name: str) -> Genus | None:
    """The genus of a name or code, whatever its case; None for anything else."""
    wanted = name.strip().casefold()
    return next((g for g in GENERA if wanted in (g.name.casefold(), g.code.casefold())), None)


def base_words(genus: Genus) -> str:
    """The usual height of its base in words: 'base 2,000–6,000 m', or from the ground up."""
    low, high = genus.base_m
    return f"base {low:,}–{high:,}\u00a0m" if low else f"base from the ground to {high:,}\u00a0m"
