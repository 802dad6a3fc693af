"""Train on radar pictures: the sliders over the variants are the settings of the run."""

from cloudcore.settings import Settings
from tests.pages.conftest import open_page


def test_a_slider_over_the_variants_changes_the_run(settings: Settings) -> None:
    app = open_page("train")
    next(box for box in app.selectbox if box.label == "Task").set_value("radar").run()

    def field(label: str) -> float:
        return float(next(item for item in app.number_input if item.label.startswith(label)).value)

    assert app.slider(key="variants-rotation").value == field("Rotation") == 10.0
    app.slider(key="variants-rotation").set_value(90.0).run()
    app.slider(key="variants-shift").set_value(0.25).run()
    app.toggle(key="variants-flips").set_value(False).run()
    assert field("Rotation") == 90.0 and field("Shift") == 0.25 and not app.exception
    assert not next(box for box in app.checkbox if box.label == "Flips").value
    next(box for box in app.selectbox if box.label == "Preset").set_value("Chapter").run()
    assert app.slider(key="variants-rotation").value == field("Rotation") == 0.0  # the other preset kept its own
