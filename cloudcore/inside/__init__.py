"""What goes on inside a network.

In: a model folder and an image, or a neuron's weights. Out: layers with their maps and filters, class activation maps,
weighted sums, pooled patches and slid kernels, and the figures of all these.
"""

__all__ = ["activations", "charts", "map_pictures", "neuron"]
