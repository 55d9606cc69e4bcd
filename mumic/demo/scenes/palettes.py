"""Colours: one palette is a colour for every role, and each world has palettes of its own.

The catalogue world is warm and muted (hotel photos), the pretraining world bright and cool
(web photos). No colour of one stands in the other; a test compares the tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mumic.demo.scenes.colour import Colour, from_hex, mix, shade


@dataclass(frozen=True)
class Palette:
    """A name and a colour for every role."""

    name: str
    colours: Mapping[str, Colour]

    def __getitem__(self, role: str) -> Colour:
        return self.colours[role]

    def tinted(self, *, winter: bool, sunset: bool, night: bool) -> "Palette":
        """Return the palette as it looks outdoors in that season and at that hour."""
        colours = dict(self.colours)
        if winter:
            for role, share in _SNOWED.items():
                colours[role] = mix(colours[role], colours["snow"], share)
        if sunset or night:
            light = colours["ember"] if sunset else colours["dusk"]
            strength, level = (0.3, 0.9) if sunset else (0.5, 0.62)
            for role in colours:
                if role not in _SHINING:
                    colours[role] = shade(mix(colours[role], light, strength), level)
        return Palette(self.name, colours)


_SNOWED: Final = {
    "grass": 0.97,
    "leaf": 0.62,
    "roof": 0.93,
    "road": 0.7,
    "sand": 0.85,
    "rock": 0.45,
    "flower": 0.8,
    "tile": 0.75,
    "sky": 0.35,
    "haze": 0.45,
    "water": 0.2,
}
_SHINING: Final = {"glow", "ember", "dusk", "flame"}

_CATALOGUE: Final = """
wall    e9dfcf d9d2c4 efe6e0 cfd3c8 e3d3bb d8dad9
trim    fbf8f1 f4f1ea fffaf3 f1f3ec faf3e4 f6f7f5
floor   a67c52 8a6a4b b98f66 75604c c29d74 93806b
tile    cbbfae bdb9ae d9cdbf aeb5ad d0bd9d c4c6c3
wood    7b4f2c 5d4030 946238 4c3728 a3744a 6b5645
wood2   b5875a 967351 c79e6d 836549 d2ad7c a48a6d
fabric  8c3b3a 3f5a63 7d6a8f 5e6f4c b4643c 46597a
fabric2 c9a36b 9fb0a4 d6b6b0 b8ad84 8a9a5b b7a7a0
fabric3 f0e7d6 e6e5da f5ebe6 dfe2d3 f3e5cb e8ebe9
metal   a9a59d 8f9493 b6b0ab 868c88 b0a594 9a9fa3
dark    2d2620 26292b 332c2e 222621 35291e 24282e
sky     8fb4d4 7fa6c6 a4bfd6 8badc0 9cb9cd 86a9cf
haze    dfe4e2 d2dcde ebe3de d8dfd9 ece0cc d7dfe6
grass   7c9a4e 6c8a48 8aa35c 5f7f4b 96a05a 6f9157
leaf    4c6e37 3f5f38 5b7a45 39563a 66743a 466a44
water   4f9fb2 3d8ea6 66aebb 478b95 58a6a5 4490b5
sand    dcc69a d0b98c e4cfac c5b48f dfc58e d3c1a0
rock    8b8378 7b7a76 98897f 6f7570 a08c72 80828a
snow    f3f5f6 edf1f3 f7f5f4 eaf0ef f5f2ea eef2f8
brick   a65f47 8d5443 b5735a 7c5244 b8744a 94625a
plaster e4cfa9 d3c6b0 e8d0bd c5c3ad e2bf8d cfccc5
roof    8b4a35 6a4740 9b5c49 574a44 a6603b 6f565a
road    77736d 6a6c6d 827a76 62665f 857a6a 6f7278
glow    ffdf96 fbd587 ffe3a8 f6d07c ffd889 fde0a0
flame   f28c34 ec7f2c f59a48 e57424 f0912c f3873e
ember   e98a4a dd7b46 ee9a66 cf7440 ea8f3c e4835a
dusk    1e2a4c 1a2743 28294f 18283e 27284a 162549
flower  c9506a b5476c d76f87 a8485a cf5c46 bb5590
flower2 e6c04e d9b045 ecc96a cda43f e9b93a dfc060
skin    e2b48f d3a27d e9bf9f c2936f dca87b d0a58a
skin2   8d5d3f 7d5139 9a6849 6c4733 956343 825a47
hair    3a2a1e 2f2722 4a3524 27211d 523a22 332e2d
fur     a8794b 8f6a48 b98a5e 775a41 bb8a4f 96765a
fur2    e8dccb dcd3c4 efe3d8 d0cabb ead9bd dedbd6
tomato  c8432f b63d2d d2553f a2392c cf4b27 bd4538
cheese  e8b94c dbab43 eec462 cb9d3b ebb43c e0b357
salad   7fa23f 729339 8dae50 658437 91a53b 789b49
"""

_PRETRAINING: Final = """
wall    dbe9f4 f6d9dc c9e7d8 f2f0fb fbeec1 b9cde0 f0f0f0
trim    ffffff fdfdff f7fffb fcfbff fffdf2 f2f8ff f9f9f9
floor   6f7b8c 9c8f9e 5c7d78 b3a6d0 c7a14e 54606e 8a8a8a
tile    b8c9d9 e3c8d2 a9d0c4 d5cdee ead9a2 98b0c8 d2d2d2
wood    5a4a55 7a3f4a 3f524e 66508a 8a5f14 3b3f52 5e5e5e
wood2   9c8a99 bb7f86 7fa08f a58fce d6a440 7b84a0 9b9b9b
fabric  1f6fd0 e0336e 10a06a 7a2fd6 f08a00 103f9c d11a1a
fabric2 4fc1f0 ff8fb5 6fe0a8 c08ff8 ffd23c 5f95f5 f47070
fabric3 eaf6ff fff0f5 eafff4 f5eeff fff9dd e2ecff ffffee
metal   b4c3d3 c6b3bd a2bdb5 bcb6d2 cfc39d 95a6bf bfbfbf
dark    121a28 2a1220 0e221d 1c1230 2b2205 0a1024 141414
sky     3fa4ff 66b8ff 2fc0f0 5f9cff 4fb4ff 2f86f0 58aaee
haze    d5f0ff ffeef4 d8fbff e6eaff fff6d8 c4e0ff e8f4fc
grass   3fbf4a 5fc85f 2fae62 66c24a 8fd03a 27a04f 4fb83f
leaf    1f8f3f 349a4c 128a52 2f9434 5fa01f 0f7a40 2a8a2a
water   1fb5e8 38c6ee 12c4d2 3fa8f8 2fcfe4 0f8fe0 27b0d8
sand    ffe9a8 ffe4bf f6efb0 fbe6c8 ffdf88 f0e2b8 f8e8b4
rock    7c8798 94808c 6a8580 867fa2 9b8f68 65708a 828282
snow    fafdff fffafd f5fffc fbf9ff fffef6 f0f6ff fcfcfc
brick   d05a4a e0556a b8664f a8558f e07a30 94506a c84438
plaster fff3c8 ffdbe2 d5f5e0 e9defc ffe590 d0e0f4 ececec
roof    b8342a c8305a 2f7f72 6a3aa4 d86a0c 2a4a94 a82020
road    586270 6c606c 4a605c 605a7c 746c4c 464e60 606060
glow    fff2a0 fff0b8 f8ffb0 fff4c8 ffec70 f0f4b0 fff8c0
flame   ff6a00 ff5a1f ff7f10 ff6030 ff8000 ff5500 ff7420
ember   ff7a3c ff6f6a ff8f4a f8709c ff9a1f f56a4a ff8250
dusk    0c1a52 1f1250 062a4a 1a1066 14184a 04104c 101a48
flower  ff3f8f ff5fb0 f0468c d84ff0 ff5a3a e83a9c ff3a5a
flower2 ffe03f ffd75f f4f050 ffe47a ffc800 f2e04a ffe820
skin    ffcfae ffd8c0 f8c8a0 fbd3b8 f6c090 f0c4a4 ffd2b0
skin2   a0663f a86a50 8f6038 96604a a86c30 845844 9c6440
hair    1f1410 4a1f2a 141c1a 2a1a3a 6a4a0a 101018 202020
fur     c77f3a d08a5a b0763f b88a66 d99a2a a07048 c08848
fur2    fff6e8 fff2ec f4f6ea f8f2fa fff4d2 eef0f4 f6f6ee
tomato  f03a24 f83f4a e84a2a e8404f f85818 e0302c f02c1c
cheese  ffc93a ffcf5a f8d040 fcc860 ffbe10 f4c44a ffd048
salad   58c83a 6fd050 46c060 70c848 88d020 3cb84a 60c430
"""


def _read(prefix: str, table: str) -> tuple[Palette, ...]:
    rows = [line.split() for line in table.strip().splitlines()]
    count = len(rows[0]) - 1
    return tuple(
        Palette(f"{prefix}-{k}", {row[0]: from_hex(row[k + 1]) for row in rows})
        for k in range(count)
    )


CATALOGUE_PALETTES: Final = _read("catalogue", _CATALOGUE)
PRETRAINING_PALETTES: Final = _read("pretraining", _PRETRAINING)
