"""What goes on in a network. In: a model and a picture, or numbers. Out: maps, filters, sums and their figures."""

__all__ = ["activations", "charts", "map_pictures", "neuron"]
