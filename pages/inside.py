"""Inside the network: a neuron, pooling, kernels, and every layer of any model of the house."""

import streamlit as st

from cloudcore.ui.inside import choices, kernels, layers, neuron, pooling
from cloudcore.ui.shared.entry import enter
from cloudcore.ui.shared.library import open_library
from cloudcore.ui.shared.widgets import head, stage

enter()
library = open_library()
with head("Inside"):
    view = choices.choose_view()
    st.space("stretch")
    st.caption("A look at how a network computes. Nothing here changes a model.", width="content")

left, right = stage()
if view == choices.NEURON:
    neuron.show(left, right)
elif view == choices.POOLING:
    pooling.show(left, right, library.settings)
elif view == choices.KERNELS:
    kernels.show(left, right, library.settings)
else:
    layers.show(left, right, library.settings)
