"""Inside the network: a neuron, pooling, kernels, and every layer of any model of the house."""

import streamlit as st

from cloudcore.ui import inside, inside_kernels, inside_layers, inside_neuron, inside_pooling
from cloudcore.ui.widgets import enter, head, library, stage

enter()
here = library()
with head("Inside"):
    view = inside.choose_view()
    st.space("stretch")
    st.caption("A look at how a network computes. Nothing here changes a model.", width="content")

left, right = stage()
if view == inside.NEURON:
    inside_neuron.show(left, right)
elif view == inside.POOLING:
    inside_pooling.show(left, right, here.settings)
elif view == inside.KERNELS:
    inside_kernels.show(left, right, here.settings)
else:
    inside_layers.show(left, right, here.settings)
