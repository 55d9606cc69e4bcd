from __future__ import annotations

from annotate.taxonomy.graph import mermaid
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass


def test_boxes_arrows_and_exclusions() -> None:
    taxonomy = Taxonomy(
        name="t",
        version="1",
        categories=(Category("c", 'A "C" & D'),),
        classes=(
            TaxonomyClass("pool", "Pool", "c"),
            TaxonomyClass("end", "<b>#1</b>", "c", parents=("pool",), exclusive_with=("out",)),
            TaxonomyClass("out", "Out", "c", parents=("pool",), exclusive_with=("end",)),
        ),
    )
    assert mermaid(taxonomy).splitlines() == [
        "graph LR",
        '  subgraph category_c["A #34;C#34; #38; D"]',
        '    class_pool["Pool"]',
        '    class_end["#60;b#62;#35;1#60;/b#62;"]',
        '    class_out["Out"]',
        "  end",
        "  class_pool --> class_end",
        "  class_pool --> class_out",
        "  class_end -.-|not both| class_out",
    ]
