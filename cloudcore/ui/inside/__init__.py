"""The Inside page.

In: a picture, a model, a few numbers; out: what a neuron, pooling, kernels and each layer of the network make of it.
"""

__all__ = ["choices", "kernels", "layers", "neuron", "pooling"]
