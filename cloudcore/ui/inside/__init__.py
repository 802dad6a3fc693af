"""The Inside page: a neuron, pooling, kernels, layers."""

__all__ = ["choices", "kernels", "layers", "neuron", "pooling"]
