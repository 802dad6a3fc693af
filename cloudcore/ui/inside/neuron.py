"""Inside, Neuron: two inputs, two weights, a bias and an activation, live on the curve and over the plane."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cloudcore.inside import charts, neuron
from cloudcore.ui.shared.widgets import is_dark
from cloudcore.views import figures

START = {"x1": 1.0, "x2": 0.5, "w1": 1.5, "w2": -1.0, "bias": 0.2}
LABELS = {"x1": "Input x1", "x2": "Input x2", "w1": "Weight w1", "w2": "Weight w2", "bias": "Bias b"}
WORDS = {
    "ReLU": "ReLU passes what is above zero and is silent below it. It costs next to nothing and its slope does not "
    "fade, so most hidden layers use it.",
    "sigmoid": "The sigmoid presses every sum into 0 to 1, so it can be read as a probability. Far from zero it is "
    "flat: there the neuron hardly learns.",
    "tanh": "The hyperbolic tangent presses every sum into −1 to 1, with 0 left at 0. Far from zero it is flat too.",
    "linear": "Linear passes the sum as it is. Layers of such neurons alone, however many, can do no more than one.",
}


def show(left: DeltaGenerator, right: DeltaGenerator) -> None:
    """The whole view: sliders and words at the right, curve and plane at the left."""
    with right:
        name = str(
            st.segmented_control(
                "Activation",
                list(neuron.ACTIVATIONS),
                default="ReLU",
                required=True,
                key="neuron_activation",
                persist_state="session",
                width="stretch",
            )
        )
        set_to = {key: _slider(key) for key in START}
        st.caption(WORDS[name])
        st.caption("The weights tilt the line z = 0 (dashed), the bias moves it. Training finds both.")
    x1, x2 = set_to["x1"], set_to["x2"]
    one = neuron.Neuron(set_to["w1"], set_to["w2"], set_to["bias"], name)
    z, a = one.z(x1, x2), one.a(x1, x2)
    with left:
        st.markdown(_sum_words(one, x1, x2, z, a))
        curve, plane = st.columns(2, gap="small")
        curve.plotly_chart(
            charts.activation(name, z, is_dark()),
            theme=None,
            config=figures.CONFIG,
            key="neuron_curve",
            alt=f"{name}: z {z:.2f} gives a {a:.2f}",
        )
        plane.plotly_chart(
            charts.plane(one, x1, x2, is_dark()),
            theme=None,
            config=figures.CONFIG,
            key="neuron_plane",
            alt=f"What the neuron answers for inputs from -3 to 3; here {a:.2f}",
        )


def _slider(key: str) -> float:
    return float(
        st.slider(LABELS[key], -3.0, 3.0, START[key], 0.1, key=f"neuron_{key}", persist_state="session", format="%.1f")
    )


def _signed(value: float) -> str:
    return f"(−{abs(value):.1f})" if value < 0 else f"{value:.1f}"


def _sum_words(one: neuron.Neuron, x1: float, x2: float, z: float, a: float) -> str:
    parts = f"{_signed(one.w1)} × {_signed(x1)} + {_signed(one.w2)} × {_signed(x2)} + {_signed(one.bias)}"
    return f"z = w1 x1 + w2 x2 + b = {parts} = **{z:.2f}**, a = {one.activation}(z) = **{a:.3f}**".replace("-", "−")
