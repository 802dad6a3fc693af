"""What every figure of the house shares."""

from typing import Any


def has_the_template(figure: Any, dark: bool) -> None:
    """The house's font, transparent paper, no animation, its grid's colour and a height."""
    layout = figure.layout.template.layout
    assert layout.font.family == '"Source Sans", sans-serif' and layout.font.size == 13
    assert layout.paper_bgcolor == "rgba(0,0,0,0)" and layout.transition.duration == 0
    assert layout.xaxis.gridcolor == ("#2A343C" if dark else "#DFE5E9")
    assert figure.layout.height
